// Admission load on a real install: Pods are created, as dry runs, while its replicas are replaced.
import type { V1Pod } from '@kubernetes/client-node'
import { createClient } from '../../src/kube/client.ts'
import { kubeconfigConnection } from '../../src/kube/connection.ts'
import { installReady, system } from './install.ts'
import { type Namespace, until } from './kube.ts'
import { cluster, kubectl } from './kubectl.ts'

/** Names of the webhook's replicas, also those that are terminating. */
async function replicas(): Promise<string[]> {
  const selector = '--selector=app.kubernetes.io/name=hotreload'
  const { items }: { items: V1Pod[] } = JSON.parse(
    await kubectl(['get', 'pods', selector, '--output=json', ...system]),
  )
  return items.map(({ metadata }) => metadata?.name ?? '')
}

/**
 * Creates `pod` until all replicas of the webhook have been replaced.
 * @param required a namespace where injection is required, so that a lost review is a refused Pod
 * @returns how many requests were answered with each status
 */
export async function answersWhile(
  required: Namespace,
  pod: object,
  replaceAll: () => Promise<unknown>,
): Promise<Map<number, number>> {
  const old = await replicas()
  const client = createClient(await kubeconfigConnection(cluster().kubeconfig, required.name))
  const path = `/api/v1/namespaces/${required.name}/pods?dryRun=All`
  const statuses = new Map<number, number>()
  const stop = new AbortController()
  const load = Array.from({ length: 8 }, async () => {
    while (!stop.signal.aborted) {
      const { status } = await client.call({ method: 'POST', path, body: pod, timeoutMilliseconds: 30_000 })
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
    }
  })
  await replaceAll()
  await installReady()
  await until(
    'the old replicas have left',
    async () => {
      const names = await replicas()
      return old.every((name) => !names.includes(name))
    },
    200_000,
  )
  stop.abort()
  await Promise.all(load)
  console.log(`answered while both replicas were replaced: ${statuses.get(201)}`)
  return statuses
}
