import { describe, expect, test } from 'vitest'
import { injectPod } from '../../src/inject/pod.ts'
import { type ApiObject, podTemplate } from '../../src/workload/pod-template.ts'
import { isInjected } from '../../src/workload/references.ts'
import { AGENT_IMAGE, decisionFor, nginx, pod, podSpec, pods, submit } from '../support/builders.ts'

const injected = async (object: ApiObject) => (await submit(pods(), object)).object
const specOf = (object: ApiObject) => podTemplate(object)?.spec ?? { containers: [] }
const withoutController = (object: ApiObject): ApiObject => ({
  ...object,
  metadata: { ...object.metadata, ownerReferences: [] },
})

/** Mounts one key of `conf` and, in an init container, another one. */
const withInitSubPath = podSpec({
  initContainers: [
    nginx({ name: 'prepare', volumeMounts: [{ name: 'conf', mountPath: '/seed', subPath: 'seed.sh' }] }),
  ],
})

describe('an init container’s own subPath mount of a watched volume', () => {
  test('gets a volume of its own, so that a missing key leaves no directory in the watched one', async () => {
    const spec = specOf(await injected(pod(withInitSubPath)))
    expect(spec.initContainers?.[0]?.volumeMounts?.[0]?.name).toBe('hotreload-init-conf')
    expect(spec.volumes?.find(({ name }) => name === 'hotreload-init-conf')?.configMap).toEqual({
      name: 'web',
    })
    expect(spec.containers[0]?.volumeMounts).toEqual(withInitSubPath.containers[0]?.volumeMounts)
  })

  test('is left in a bare Pod, whose next apply could not change it back', async () => {
    const spec = specOf(await injected(withoutController(pod(withInitSubPath))))
    expect(spec.initContainers?.[0]).toEqual(withInitSubPath.initContainers?.[0])
    expect(spec.initContainers?.at(-1)?.name).toBe('hotreload-agent')
  })
})

test('a Pod with any container of ours counts as injected', async () => {
  expect(isInjected(podTemplate(pod()) ?? {})).toBe(false)
  expect(isInjected(podTemplate(await injected(pod())) ?? {})).toBe(true)
})

test('containers and volumes whose joined names are alike get different volumes', async () => {
  const mounting = (name: string, volume: string) =>
    nginx({
      name,
      volumeMounts: [{ name: volume, mountPath: '/etc/nginx/nginx.conf', subPath: 'nginx.conf' }],
    })
  const spec = podSpec({
    containers: [mounting('web', 'admin-conf'), mounting('web-admin', 'conf')],
    volumes: ['admin-conf', 'conf'].map((name) => ({ name, configMap: { name } })),
  })
  const names = specOf(await injected(pod(spec))).volumes?.map(({ name }) => name)
  expect(names).toContain('hotreload-vol-web-admin-conf')
  expect(names).toContain('hotreload-vol-web--admin-conf')
})

test('ConfigMaps whose names differ in a dot and a dash get different volumes', async () => {
  const envFrom = ['app.env', 'app-env'].map((name) => ({ configMapRef: { name } }))
  const spec = podSpec({ containers: [nginx({ envFrom, volumeMounts: [] })] })
  const { volumes } = specOf(await injected(pod(spec, { 'hotreload.dev/env': 'restart' })))
  expect(volumes?.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['hotreload-env-web-configmap-app--env', 'hotreload-env-web-configmap-app-env']),
  )
})

describe('injectPod', () => {
  const options = { agentImage: AGENT_IMAGE, version: '0.0.0' }
  const subPath = { name: 'conf', mountPath: '/etc/nginx/nginx.conf', subPath: 'nginx.conf' }

  test.each([{}, { reload: 'probe' }, { reload: 'supervise' }, { subpath: 'copy' }, { subpath: 'symlink' }])(
    'finds containers and mounts by name, not as the objects of the plan: %j',
    (short) => {
      const spec = podSpec({ containers: [nginx({ command: ['nginx'], volumeMounts: [subPath] })] })
      const { plan } = decisionFor(spec, short)
      const fromCopy = injectPod(structuredClone({ spec }), structuredClone(plan), options)
      expect(fromCopy).toEqual(injectPod({ spec }, plan, options))
      expect(fromCopy.spec?.initContainers?.length).toBeGreaterThan(0)
    },
  )

  test('keeps what it does not change as the same objects', () => {
    const other = { name: 'other', image: 'example.org/other:1' }
    const spec = podSpec({ containers: [nginx(), other] })
    const before = { metadata: { labels: { app: 'web' } }, spec }
    const after = injectPod(before, decisionFor(spec).plan, options)
    expect(after.spec?.containers[1]).toBe(other)
    expect(after.spec?.volumes?.[0]).toBe(spec.volumes?.[0])
    expect(after.metadata?.labels).toBe(before.metadata.labels)
  })
})
