// Three replicas whose process restarts for a change: one after the other, so that there is always one to ask.
import type { V1Deployment, V1Pod } from '@kubernetes/client-node'
import { afterEach, expect, test } from 'vitest'
import { settled, startTestController, type TestController } from '../support/controller.ts'
import { images, namespace, until } from '../support/kube.ts'
import { configMap, configMapVolume, deployment, serves } from '../support/reload.ts'
import { webhook } from '../support/webhook.ts'

const REPLICAS = 3
let controller: TestController | undefined
afterEach(() => controller?.stop())

/** When a Pod whose program was restarted once could not be asked, by the container's and the kubelet's own records: seconds since 1970. */
function away({ status }: V1Pod): { from: number; to: number } | undefined {
  const web = status?.containerStatuses?.find(({ name }) => name === 'web')
  const ready = status?.conditions?.find(({ type }) => type === 'Ready')
  const ended = web?.lastState?.terminated?.finishedAt
  if (!web?.ready || ready?.status !== 'True' || !ended || !ready.lastTransitionTime) return undefined
  return { from: Date.parse(String(ended)) / 1000, to: Date.parse(String(ready.lastTransitionTime)) / 1000 }
}

test('each is restarted in place, and they are never all away at once', async () => {
  const [image] = await images('reader', 'hotreload-agent')
  const hook = await webhook()
  const [own, ns] = [await namespace(), await hook.namespace()]
  const container = {
    image,
    volumeMounts: [{ name: 'config', mountPath: '/etc/reader' }],
    // Times are whole seconds: who is away for several is seen to be.
    readinessProbe: { httpGet: { path: '/', port: 8080 }, initialDelaySeconds: 3, periodSeconds: 1 },
  }
  // All have their turn at once, so that it is the controller alone that keeps them apart. (The kubelet comes by itself a minute after the
  // Pods have become Ready, at the earliest.)
  const annotations = { 'hotreload.dev/reload': 'restart', 'hotreload.dev/stagger': '0s' }
  await ns.apply([
    configMap('config', { config: 'one' }),
    deployment(container, [configMapVolume('config')], { annotations, replicas: REPLICAS }),
  ])
  const before = await ns.podsReady('app=web', REPLICAS)
  await Promise.all(before.map((pod) => serves(ns, pod, 'one')))
  controller = await startTestController(own.name, { only: [ns.name] })
  await settled(controller)
  await ns.apply(configMap('config', { config: 'two' }))
  const times = await until(
    'all were restarted and are Ready again',
    async () => {
      const found = (await ns.list<V1Pod>('pods', 'app=web')).map(away).filter((one) => one !== undefined)
      return found.length === REPLICAS && found
    },
    240_000,
  )
  // The last one to go went when the first was back.
  const [lastGone, firstBack] = [
    Math.max(...times.map(({ from }) => from)),
    Math.min(...times.map(({ to }) => to)),
  ]
  console.log(
    'replicas away',
    times.map(({ from, to }) => `${from - lastGone}..${to - lastGone}`).join(' '),
    's',
  )
  expect(lastGone).toBeGreaterThanOrEqual(firstBack)

  const after = await ns.podsReady('app=web', REPLICAS)
  const uids = (pods: readonly V1Pod[]) => new Set(pods.map(({ metadata }) => metadata?.uid))
  expect(uids(after)).toEqual(uids(before))
  for (const pod of after) {
    expect(pod.status?.containerStatuses?.map(({ restartCount }) => restartCount)).toEqual([1])
    await serves(ns, pod, 'two')
  }
  expect((await ns.get<V1Deployment>('deployment', 'web')).metadata?.generation).toBe(1)
})
