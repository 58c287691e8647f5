// An install with objects stored that are made to stop it: fifty ordinary workloads beside them are injected, nudged and rolled out, while every
// replica stays Ready, and after a restart too. It prints times, without these objects and beside them, and expects none.
import type { V1Deployment } from '@kubernetes/client-node'
import { expect } from 'vitest'
import type { KubeClient } from '../../src/kube/client.ts'
import { DEPLOYMENTS, installNamespace, installReady, SYSTEM, system } from '../support/install.ts'
import { type Namespace, namespace, until } from '../support/kube.ts'
import { kubectl } from '../support/kubectl.ts'
import { nastyWorkloads } from '../support/nasty-workloads.ts'
import { configMap } from '../support/reload.ts'
import { hasAgent } from './admissions.ts'
import { onlyPod, reloaded, rolledOut, type Subject } from './subjects.ts'

const RELOADED = 5
const ROLLED_OUT = 20
const WITHIN = 240_000

/** Looks at every replica until `stop`. @returns each time when one was not Ready */
function watchReadiness(client: KubeClient): { stop: () => Promise<string[]> } {
  const lapses: string[] = []
  const ended = new AbortController()
  const watch = async (name: string): Promise<void> => {
    while (!ended.signal.aborted) {
      const path = `/apis/apps/v1/namespaces/${SYSTEM}/deployments/${name}`
      const { body } = await client.call({ method: 'GET', path })
      const { status } = body as V1Deployment
      if (status?.readyReplicas !== 2)
        lapses.push(`${name}: ${status?.readyReplicas} at ${new Date().toISOString()}`)
      await new Promise((resolve) => setTimeout(resolve, 500))
    }
  }
  const watched = Promise.all(DEPLOYMENTS.map(watch))
  return {
    async stop() {
      ended.abort()
      await watched
      return lapses
    },
  }
}

/** Half of fifty. Those that roll out have no Pods, and cost the node nothing. */
function ordinary(ns: Namespace, client: KubeClient, image: string, name: string): Subject[] {
  return [
    ...Array.from({ length: RELOADED }, (_, index) =>
      reloaded(ns, client, image, `${name}-reloaded-${index}`),
    ),
    ...Array.from({ length: ROLLED_OUT }, (_, index) =>
      rolledOut(ns, client, image, `${name}-rolled-out-${index}`, 0),
    ),
  ]
}

/** Seconds until the last one of each kind. */
interface Times {
  started?: number
  reloaded: number
  rolledOut: number
}

async function start(ns: Namespace, client: KubeClient, subjects: readonly Subject[]): Promise<Times> {
  const from = Date.now()
  await ns.apply(subjects.flatMap(({ name, manifest }) => [configMap(name, { config: '0' }), manifest]))
  for (const { name, shows } of subjects) await until(`${name} has started`, () => shows('0'), WITHIN)
  const started = secondsSince(from)
  for (const { name } of subjects.slice(0, RELOADED)) {
    const pod = await onlyPod(ns, client, name)
    expect(hasAgent(pod), name).toBe(true)
  }
  return { started, ...(await edit(ns, subjects, 1)) }
}

/** Edits every ConfigMap, and waits until each content has taken effect once. */
async function edit(ns: Namespace, subjects: readonly Subject[], content: number): Promise<Times> {
  const from = Date.now()
  await ns.apply(subjects.map(({ name }) => configMap(name, { config: `${content}` })))
  const took = await Promise.all(
    subjects.map(async ({ name, shows, manifest }) => {
      await until(`${name} shows ${content}`, () => shows(`${content}`), WITHIN)
      return { seconds: secondsSince(from), reloads: manifest.spec.replicas !== 0 }
    }),
  )
  for (const { name, counts } of subjects)
    await until(`${name} counts ${content}`, async () => (await counts()).every((count) => count === content))
  const slowest = (reloads: boolean) =>
    Math.max(...took.filter((one) => one.reloads === reloads).map(({ seconds }) => seconds))
  return { reloaded: slowest(true), rolledOut: slowest(false) }
}

const secondsSince = (from: number): number => (Date.now() - from) / 1_000

/** @param image of the reader */
export async function expectUndisturbed(client: KubeClient, image: string): Promise<void> {
  const [nasty, ns] = [await namespace(), await installNamespace('enabled')]
  const [first, second] = [ordinary(ns, client, image, 'first'), ordinary(ns, client, image, 'second')]
  const without = await start(ns, client, first)
  const readiness = watchReadiness(client)
  await nasty.apply(nastyWorkloads(), '--server-side')
  const beside = await start(ns, client, second)
  console.log(
    `seconds without nasty objects ${JSON.stringify(without)}, beside them ${JSON.stringify(beside)}`,
  )
  expect(await readiness.stop()).toEqual([])

  await kubectl(['rollout', 'restart', ...DEPLOYMENTS.map((name) => `deployment/${name}`), ...system])
  await installReady()
  const restarted = watchReadiness(client)
  await edit(ns, [...first, ...second], 2)
  expect(await restarted.stop()).toEqual([])
}
