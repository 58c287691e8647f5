// An image whose program must be PID 1 (s6-overlay's /init): shared processes would end it, so they are not shared and changes roll out.
import type { V1Deployment } from '@kubernetes/client-node'
import { afterEach, expect, test } from 'vitest'
import { settled, startTestController, type TestController } from '../support/controller.ts'
import { images, manifest, namespace, tryKubectl, until } from '../support/kube.ts'
import { configMap, configMapVolume, deployment, serves } from '../support/reload.ts'
import { webhook } from '../support/webhook.ts'

let controller: TestController | undefined
afterEach(() => controller?.stop())

test('an image like s6-overlay gets a warning and no shared processes, and its change rolls out', async () => {
  const [image] = await images('s6')
  const hook = await webhook()
  const [own, ns] = [await namespace(), await hook.namespace()]
  const container = {
    image,
    command: ['/init'],
    volumeMounts: [{ name: 'config', mountPath: '/etc/web' }],
    readinessProbe: { httpGet: { path: '/', port: 8080 }, periodSeconds: 1 },
  }
  const annotations = { 'hotreload.dev/signal': 'HUP', 'hotreload.dev/process': 'busybox' }
  const objects = manifest([
    configMap('config', { config: 'one' }),
    deployment(container, [configMapVolume('config')], { annotations }),
  ])
  const { stderr } = await tryKubectl(['apply', '--namespace', ns.name, '-f', '-'], objects)
  expect(stderr).toContain(
    'Warning: container web: command /init must be PID 1, so processes are not shared; use hotreload.dev/url or reload: probe',
  )
  const [pod] = await ns.podsReady('app=web')
  if (!pod) throw new Error('no Pod')
  expect(pod.spec?.shareProcessNamespace).toBeUndefined()
  expect(pod.spec?.initContainers ?? []).toEqual([])
  await serves(ns, pod, 'one')

  controller = await startTestController(own.name, { only: [ns.name] })
  await settled(controller)
  await ns.apply(configMap('config', { config: 'two' }))
  await until('the Deployment has rolled out', async () => {
    const { metadata, status } = await ns.get<V1Deployment>('deployment', 'web')
    return metadata?.generation === 2 && status?.observedGeneration === 2 && status.updatedReplicas === 1
  })
  const [next] = await ns.podsReady('app=web')
  if (!next) throw new Error('no Pod')
  expect(next.metadata?.uid).not.toBe(pod.metadata?.uid)
  await serves(ns, next, 'two')
})

test('the same image ends with shared processes', async () => {
  const [image] = await images('s6')
  const ns = await namespace()
  const containers = [{ name: 'web', image, imagePullPolicy: 'Never', command: ['/init'] }]
  await ns.apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'shared' },
    spec: { shareProcessNamespace: true, restartPolicy: 'Never', containers },
  })
  await until('the Pod has failed', async () => (await ns.phase('shared')) === 'Failed')
  expect(await ns.logs('shared', 'web')).toContain('must be PID 1')
})
