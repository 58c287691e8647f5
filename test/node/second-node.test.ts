// A machine has one node at a time, and a request for a second one does not disturb the first.
import { expect, onTestFinished, test } from 'vitest'
import { NODE_LOCK, startCluster } from '../cluster/cluster.ts'
import { release, take } from '../cluster/lock.ts'
import { images, namespace, until } from '../support/kube.ts'

test('a second node is refused with a remedy, and Pods of the first stay reachable', async () => {
  const [image = ''] = await images('nginx')
  const ns = await namespace()
  const containers = [{ name: 'nginx', image, imagePullPolicy: 'Never' }]
  await ns.apply({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web' }, spec: { containers } })
  await ns.podReady('web')

  if (!take(NODE_LOCK)) onTestFinished(() => release(NODE_LOCK)) // free on the cluster of KUBECONFIG
  const second = startCluster({ node: true, say: () => undefined })
  await expect(second).rejects.toThrow(/this machine's one node is in use \(process \d+\)/)

  expect((await until('nginx answers', () => ns.fetch('web'))).status).toBe(200)
  expect(await ns.exec('web', 'nginx', ['hostname'])).toBe('web\n')
})
