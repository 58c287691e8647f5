// The agent rewrites files that can't become symlinks: in /, inside another mount, of a Secret. The program's image holds nothing else.
import type { V1Pod } from '@kubernetes/client-node'
import { beforeAll, expect, test } from 'vitest'
import { capabilitiesOf, processesOf } from '../support/container-process.ts'
import { images, type Namespace, until } from '../support/kube.ts'
import {
  agentStatus,
  configMap,
  configMapVolume,
  deployment,
  edit,
  expectReloadedOnce,
  expectUntouched,
  nudge,
  serves,
} from '../support/reload.ts'
import { type Webhook, webhook } from '../support/webhook.ts'

const annotations = { 'hotreload.dev/signal': 'SIGHUP' }
const AGENT = 'hotreload-agent'
/** CAP_KILL of capabilities(7). */
const KILL = 1n << 5n
let reader = ''
let hook: Webhook
beforeAll(async () => {
  ;[reader = ''] = await images('reader', 'hotreload-agent')
  hook = await webhook()
})

test.each([
  { place: 'in /', file: '/config', mounts: [] },
  { place: 'inside another mount', file: '/data/config', mounts: [{ name: 'data', mountPath: '/data' }] },
])('a subPath file $place is updated in place', async ({ file, mounts }) => {
  const ns = await hook.namespace()
  const container = {
    image: reader,
    args: [file, '8080'],
    volumeMounts: [...mounts, { name: 'config', mountPath: file, subPath: 'key' }],
  }
  const volumes = [configMapVolume('config'), { name: 'data', emptyDir: {} }]
  await ns.apply([
    configMap('config', { key: 'one, which is longer' }),
    deployment(container, volumes, { annotations }),
  ])
  const [pod] = await ns.podsReady('app=web')
  if (!pod) throw new Error('no Pod')
  await serves(ns, pod, 'one, which is longer')
  await edit(ns, 'config', { key: 'two' }, [pod])
  await serves(ns, pod, 'two')
  await expectReloadedOnce(ns, pod)
  await expectUntouched(ns, pod)
})

test('what the agent has prepared stays when it or the program starts again, and its process has kept no right for that', async () => {
  const ns = await hook.namespace()
  const container = {
    image: reader,
    args: ['/config', '8080'],
    volumeMounts: [{ name: 'config', mountPath: '/config', subPath: 'key' }],
  }
  await ns.apply([
    configMap('config', { key: 'one' }),
    deployment(container, [configMapVolume('config')], { annotations }),
  ])
  const [pod] = await ns.podsReady('app=web')
  if (!pod) throw new Error('no Pod')
  await serves(ns, pod, 'one')
  // The program is root, so that its agent needed rights to prepare the file.
  const [agent = 0] = processesOf(pod, AGENT)
  expect(capabilitiesOf(agent)).toEqual({ Inh: 0n, Prm: KILL, Eff: KILL, Bnd: KILL, Amb: 0n })
  const [program = 0] = processesOf(pod, 'web')
  await restarts(ns, pod, 'web', program)
  await restarts(ns, pod, AGENT, agent)
  await ns.podsReady('app=web')
  await serves(ns, pod, 'one')
  await edit(ns, 'config', { key: 'two' }, [pod])
  await serves(ns, pod, 'two')
})

/** Kills a container's process and waits until the kubelet has started the container again. */
async function restarts(ns: Namespace, pod: V1Pod, name: string, pid: number): Promise<void> {
  process.kill(pid, 'SIGKILL')
  await until(`${name} runs again`, async () => {
    const { status } = await ns.get<V1Pod>('pod', pod.metadata?.name ?? '')
    const all = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])]
    const found = all.find((one) => one.name === name)
    return found?.restartCount === 1 && found.state?.running !== undefined
  })
}

test('a subPath file of a Secret stays in memory, with its mode', async () => {
  const ns = await hook.namespace()
  const secret = (value: string) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'config' },
    stringData: { key: value },
  })
  const container = {
    image: reader,
    args: ['/config', '8080'],
    securityContext: { runAsUser: 1000 },
    volumeMounts: [{ name: 'config', mountPath: '/config', subPath: 'key' }],
  }
  const volume = { name: 'config', secret: { secretName: 'config', defaultMode: 0o440 } }
  await ns.apply([
    secret('one'),
    deployment(container, [volume], { annotations, spec: { securityContext: { fsGroup: 2000 } } }),
  ])
  const [pod] = await ns.podsReady('app=web')
  if (!pod) throw new Error('no Pod')
  expect(pod.spec?.volumes?.find(({ name }) => name === 'hotreload-copy-web')).toMatchObject({
    emptyDir: { medium: 'Memory' },
  })
  await serves(ns, pod, 'one')
  await ns.apply(secret('two'))
  await nudge(ns, [pod])
  await serves(ns, pod, 'two')
  const status = await agentStatus(ns, pod)
  expect(JSON.stringify(status)).not.toContain('two')
  await expectReloadedOnce(ns, pod)
})

test('a key that is absent from an optional volume takes nothing from the other places', async () => {
  const ns = await hook.namespace()
  const container = {
    image: reader,
    args: ['/config', '8080'],
    volumeMounts: [
      { name: 'config', mountPath: '/config', subPath: 'key' },
      { name: 'extra', mountPath: '/extra', subPath: 'key' },
    ],
  }
  const optional = { name: 'extra', configMap: { name: 'extra', optional: true } }
  const volumes = [configMapVolume('config'), optional]
  await ns.apply([
    configMap('config', { key: 'one' }),
    configMap('extra', { other: 'a' }),
    deployment(container, volumes, { annotations }),
  ])
  const [pod] = await ns.podsReady('app=web')
  if (!pod) throw new Error('no Pod')
  const warns = (code: string) =>
    until(`the warning ${code}`, async () => {
      const { state, warnings } = await agentStatus(ns, pod)
      const isOnly = Array.isArray(warnings) && warnings.length === 1
      return isOnly && JSON.stringify(warnings).includes(`${code}","message":"/extra: `) && state
    })
  expect(await warns('HR_KEY_ABSENT')).toBe('loaded')
  await edit(ns, 'config', { key: 'two' }, [pod])
  await serves(ns, pod, 'two')
  await expectReloadedOnce(ns, pod)
  // The kubelet has mounted a directory in place of the file.
  await edit(ns, 'extra', { key: 'b' }, [pod])
  expect(await warns('HR_NEEDS_NEW_POD')).toBe('signalled')
  await edit(ns, 'config', { key: 'three' }, [pod])
  await serves(ns, pod, 'three')
  expect(await warns('HR_NEEDS_NEW_POD')).toBe('signalled')
  await expectUntouched(ns, pod)
})
