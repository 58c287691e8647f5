// A real program with its configuration in a ConfigMap: the tests expect the edited value in effect in the same process.
import type { V1Pod } from '@kubernetes/client-node'
import { expect } from 'vitest'
import type { ImageName } from '../cluster/images.ts'
import { imageReference, type Namespace, until } from './kube.ts'
import {
  configMap,
  configMapVolume,
  type DeploymentOptions,
  deployment,
  edit,
  expectReloadedOnce,
  expectUntouched,
  IN_EFFECT_WITHIN,
} from './reload.ts'
import type { Webhook } from './webhook.ts'

/** How a test runs a program and sees what it has loaded. */
export interface Program {
  image: ImageName
  /** Where the ConfigMap is mounted. */
  mountPath: string
  /** The ConfigMap that makes the program say `value`: "one" at first, then "two". */
  data: (value: string) => Readonly<Record<string, string>>
  /** The running program's value, seen from outside or by its own query tool; anything else, or an error, while it does not answer. */
  observe: (running: Running) => Promise<string | undefined>
  /** The process's name (comm) if it differs from the image's. */
  comm?: string
  /** Further fields of the container. */
  container?: object
  options?: DeploymentOptions
}

export interface Running {
  ns: Namespace
  pod: V1Pod
  ip: string
  exec: (...argv: readonly string[]) => Promise<string>
}

/** Starts a program as a Deployment of the webhook's namespace and waits until it says "one". */
export async function start(hook: Webhook, program: Program): Promise<Running> {
  const ns = await hook.namespace()
  const container = {
    image: imageReference(program.image),
    volumeMounts: [{ name: 'config', mountPath: program.mountPath }],
    ...program.container,
  }
  await ns.apply([
    configMap('config', program.data('one')),
    deployment(container, [configMapVolume('config')], program.options),
  ])
  const [pod] = await ns.podsReady('app=web')
  const ip = pod?.status?.podIP
  if (!pod || !ip) throw new Error('no Pod')
  const exec = (...argv: readonly string[]) => ns.exec(pod.metadata?.name ?? '', 'web', argv)
  const running = { ns, pod, ip, exec }
  await says(program, running, 'one')
  return running
}

/** Waits until the program says this. */
export const says = (program: Program, running: Running, value: string): Promise<unknown> =>
  until(
    `${program.image} says ${value}`,
    async () => (await program.observe(running).catch(() => undefined)) === value,
    IN_EFFECT_WITHIN,
  )

/** Edits and waits until "two" is in effect. Expects the same process in the same containers, and one reload by the agent. */
export async function expectReload(program: Program, running: Running): Promise<void> {
  const { ns, pod } = running
  await expectInEffect(program, running)
  await expectReloadedOnce(ns, pod)
}

/** The same for a program that reloads without the agent. */
export async function expectInEffect(program: Program, running: Running): Promise<void> {
  const { ns, pod } = running
  const before = await processOf(program, running)
  await edit(ns, 'config', program.data('two'), [pod])
  await says(program, running, 'two')
  expect(await processOf(program, running)).toEqual(before)
  await expectUntouched(ns, pod)
}

/** A process keeps both until it ends, also through execve. */
interface Identity {
  pid: string
  /** Clock ticks after boot: field 22 of /proc/PID/stat (proc_pid_stat(5)). */
  started: string
}

/** The container's main process: it has this name, and no parent within the Pod. */
async function processOf({ image, comm = image }: Program, { exec }: Running): Promise<Identity> {
  const stats = await exec('sh', '-c', 'cat /proc/[0-9]*/stat 2>/dev/null || true')
  const found = stats.split('\n').flatMap((line): Identity[] => {
    const [, pid = '', name, rest = ''] = /^(\d+) \((.*)\) (.*)$/.exec(line) ?? []
    const fields = rest.split(' ') // from field 3 on
    return name === comm && fields[1] === '0' ? [{ pid, started: fields[19] ?? '' }] : []
  })
  expect(found, `one main process ${comm} in\n${stats}`).toHaveLength(1)
  return found[0] as Identity
}
