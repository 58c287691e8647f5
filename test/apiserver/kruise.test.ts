// OpenKruise's workloads: the webhook and the controller handle them as soon as their CRDs exist. Kruise itself does not run here, so
// that the tests write its status.
import { readFile } from 'node:fs/promises'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { parseInstallKey } from '../../src/cli/serve/install-key.ts'
import type { ApiObject, PodTemplate } from '../../src/workload/pod-template.ts'
import {
  configMap,
  deployment,
  settled,
  startTestController,
  type TestController,
} from '../support/controller.ts'
import { kubectl, type Namespace, namespace, tryKubectl, until } from '../support/kube.ts'
import { type Webhook, webhook } from '../support/webhook.ts'

type Workload = ApiObject & { spec: { template: PodTemplate } }

const CHECKSUM = 'hotreload.dev/checksum'
const CRDS = ['clonesets.apps.kruise.io', 'statefulsets.apps.kruise.io']

let hook: Webhook
let own: Namespace
let ns: Namespace
let controller: TestController | undefined
beforeAll(async () => {
  const crds = await readFile(new URL('kruise-crds.yaml', import.meta.url), 'utf8')
  await kubectl(['apply', '-f', '-'], crds)
  for (const crd of CRDS) await kubectl(['wait', '--for=condition=Established', 'crd', crd])
  hook = await webhook({ installKey: parseInstallKey('ab'.repeat(32)) })
})
beforeEach(async () => {
  own = await namespace()
  ns = await hook.namespace()
})
afterEach(() => controller?.stop())
// The other files run on a cluster without Kruise.
afterAll(() => tryKubectl(['delete', 'crd', '--wait=false', ...CRDS]))

const cloneSet = (change: Parameters<typeof deployment>[1] = {}) => ({
  ...deployment('web', change),
  apiVersion: 'apps.kruise.io/v1alpha1',
  kind: 'CloneSet',
})
const statefulSet = (apiVersion: string) => {
  const { spec, ...rest } = deployment('web')
  return { ...rest, apiVersion, kind: 'StatefulSet', spec: { ...spec, serviceName: 'web' } }
}
const get = (resource: string) => ns.get<Workload>(resource, 'web')
const annotationsOf = async (resource: string) =>
  (await get(resource)).spec.template.metadata?.annotations ?? {}
/** As Kruise reports it, for this spec and later ones. */
const report = (resource: string, status: object) =>
  ns.kubectl([
    'patch',
    resource,
    'web',
    '--subresource=status',
    '--type=merge',
    `--patch=${JSON.stringify({ status: { observedGeneration: 100, ...status } })}`,
  ])
async function begin() {
  controller = await startTestController(own.name, { only: [ns.name] })
  await settled(controller)
  return controller
}

test('two kinds of StatefulSets and a CloneSet of one name are mirrored and roll out once each', async () => {
  const resources = ['statefulset.apps', 'statefulset.apps.kruise.io', 'cloneset.apps.kruise.io']
  await ns.apply([
    configMap('conf', { a: '1' }),
    statefulSet('apps/v1'),
    statefulSet('apps.kruise.io/v1beta1'),
    cloneSet(),
  ])
  const first = await annotationsOf('statefulset.apps')
  expect(first).toMatchObject({ 'hotreload.dev/inject': 'true', [CHECKSUM]: expect.anything() })
  for (const resource of resources) expect(await annotationsOf(resource)).toEqual(first)
  for (const resource of resources.slice(1)) await report(resource, {})
  const { events } = await begin()
  await ns.apply(configMap('conf', { a: '2' }))
  for (const resource of resources)
    await until(
      `a rollout of ${resource}`,
      async () => (await annotationsOf(resource))[CHECKSUM] !== first[CHECKSUM],
    )
  await until('six Events', () => events.length === 6)
  expect(events.map(({ kind, reason }) => `${kind} ${reason}`).toSorted()).toEqual([
    'CloneSet RolledOut',
    'CloneSet RolloutStarted',
    'StatefulSet RolledOut',
    'StatefulSet RolledOut',
    'StatefulSet RolloutStarted',
    'StatefulSet RolloutStarted',
  ])
  const [container] = (await get('cloneset.apps.kruise.io')).spec.template.spec?.containers ?? []
  expect(container?.image).toBe('localhost/none:1')
})

test('an annotation with a mistake is denied', async () => {
  const metadata = { 'hotreload.dev/inject': 'true', 'hotreload.dev/signal': 'SIGNOPE' }
  await expect(ns.apply(cloneSet({ metadata }))).rejects.toThrow(/hotreload\.dev\/signal/)
})

test('a CloneSet with a rollout in progress gets the next one when its Pods are ready', async () => {
  await ns.apply([configMap('conf', { a: '1' }), cloneSet({ replicas: 2 })])
  await report('cloneset', { updatedReplicas: 2, updatedReadyReplicas: 1 })
  const first = await annotationsOf('cloneset')
  await begin()
  await ns.apply(configMap('conf', { a: '2' }))
  // Longer than the quiet period, in which the controller makes no request.
  await new Promise((resolve) => setTimeout(resolve, 3_000))
  expect(await annotationsOf('cloneset')).toEqual(first)
  await report('cloneset', { updatedReplicas: 2, updatedReadyReplicas: 2 })
  await until('the rollout', async () => (await annotationsOf('cloneset'))[CHECKSUM] !== first[CHECKSUM])
})

test('Reloader’s annotations with the default strategy leave a CloneSet’s containers as they are', async () => {
  const web = cloneSet({ metadata: { 'reloader.stakater.com/auto': 'true' } })
  await ns.apply([configMap('conf', { a: '1' }), web])
  await report('cloneset', {})
  await begin()
  await ns.apply(configMap('conf', { a: '2' }))
  await until(
    'the annotation',
    async () => (await annotationsOf('cloneset'))['reloader.stakater.com/last-reloaded-from'],
  )
  expect((await get('cloneset')).spec.template.spec).toEqual(web.spec.template.spec)
})
