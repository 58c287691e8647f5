// hotreload with objects stored that are made to stop it: fifty ordinary workloads beside them are injected, nudged and rolled out, while every
// replica stays Ready, and after a restart too. It prints times, and expects none.
import type { V1Deployment } from '@kubernetes/client-node'
import { beforeAll, expect, test } from 'vitest'
import { createClient, type KubeClient } from '../../src/kube/client.ts'
import { kubeconfigConnection } from '../../src/kube/connection.ts'
import {
  DEPLOYMENTS,
  expectNoInstall,
  installNamespace,
  installReady,
  rendered,
  SYSTEM,
  system,
} from '../support/install.ts'
import { images, type Namespace, namespace, until } from '../support/kube.ts'
import { cluster, kubectl } from '../support/kubectl.ts'
import { nastyWorkloads } from '../support/nasty-workloads.ts'
import { configMap } from '../support/reload.ts'
import { hasAgent } from './admissions.ts'
import { onlyPod, reloaded, rolledOut, type Subject } from './subjects.ts'

const RELOADED = 10
const ROLLED_OUT = 40
const WITHIN = 240_000

let image = ''
let client: KubeClient
beforeAll(async () => {
  ;[image = ''] = await images('reader', 'hotreload', 'hotreload-agent')
  client = createClient(await kubeconfigConnection(cluster().kubeconfig, SYSTEM))
  await expectNoInstall()
  await kubectl(['apply', '-f', '-'], await rendered('deploy'))
  await installReady()
})

/** Looks at every replica until `stop`. @returns each time when one was not Ready */
function watchReadiness(): { stop: () => Promise<string[]> } {
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

/** Edits every ConfigMap, and waits until each content has taken effect once. */
async function expectEffects(ns: Namespace, subjects: readonly Subject[], content: number): Promise<void> {
  const from = Date.now()
  await ns.apply(subjects.map(({ name }) => configMap(name, { config: `${content}` })))
  const took = await Promise.all(
    subjects.map(async (subject) => {
      const takesEffect = () => subject.shows(`${content}`)
      await until(`${subject.name} shows ${content}`, takesEffect, WITHIN, 1_000)
      return (Date.now() - from) / 1000
    }),
  )
  const [reloads, rollouts] = [took.slice(0, RELOADED), took.slice(RELOADED)]
  console.log(`slowest reload ${Math.max(...reloads)} s, slowest rollout ${Math.max(...rollouts)} s`)
  for (const { name, counts } of subjects)
    await until(`${name} counts ${content}`, async () => (await counts()).every((count) => count === content))
}

test('nasty objects take hotreload from nobody', async () => {
  const [nasty, ns] = [await namespace(), await installNamespace('enabled')]
  await nasty.apply(nastyWorkloads(), '--server-side')
  const subjects = [
    ...Array.from({ length: RELOADED }, (_, index) => reloaded(ns, client, image, `reloaded-${index}`)),
    ...Array.from({ length: ROLLED_OUT }, (_, index) =>
      rolledOut(ns, client, image, `rolled-out-${index}`, 0),
    ),
  ]
  const readiness = watchReadiness()
  await ns.apply(subjects.flatMap(({ name, manifest }) => [configMap(name, { config: '0' }), manifest]))
  for (const { name, shows } of subjects) await until(`${name} has started`, () => shows('0'), WITHIN)
  for (const { name } of subjects.slice(0, RELOADED)) {
    const pod = await onlyPod(ns, client, name)
    expect(hasAgent(pod), name).toBe(true)
  }
  await expectEffects(ns, subjects, 1)
  expect(await readiness.stop()).toEqual([])

  await kubectl(['rollout', 'restart', ...DEPLOYMENTS.map((name) => `deployment/${name}`), ...system])
  await installReady()
  const restarted = watchReadiness()
  await expectEffects(ns, subjects, 2)
  expect(await restarted.stop()).toEqual([])
})
