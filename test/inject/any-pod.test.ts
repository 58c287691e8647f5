/** Whatever Pod comes: the result is one that the API server could take, and injecting it again changes nothing. */
import type { V1Container, V1PodSpec, V1Volume, V1VolumeMount } from '@kubernetes/client-node'
import fc from 'fast-check'
import jsonpatch from 'fast-json-patch'
import { expect, test } from 'vitest'
import { type ApiObject, podTemplate } from '../../src/workload/pod-template.ts'
import { keys, pod, pods, requestFor } from '../support/builders.ts'

const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined })
const defined = <T extends object>(object: T): T =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T

const paths = [
  '/a.conf',
  '/etc/a.conf',
  '/etc/app/a.conf',
  '/etc/app',
  '/etc/app/sub/b.conf',
  '/opt/x/a.conf',
  '/etc/app/sub',
]
const file = fc.constantFrom('a.conf', 'dir/a.conf', 'dir', './a.conf', 'none', '.')
const items = fc.constantFrom(
  [{ key: 'a', path: 'a.conf' }],
  [
    { key: 'a', path: 'dir/a.conf' },
    { key: 'b', path: 'dir/b.conf' },
  ],
)

const source = fc.oneof(
  fc.record({ configMap: fc.record({ name: fc.constant('web'), items: maybe(items) }) }),
  fc.record({ secret: fc.record({ secretName: fc.constant('tls'), items: maybe(items) }) }),
  fc.constant({ emptyDir: {} }),
  fc.constant({ csi: { driver: 'secrets-store.csi.k8s.io' } }),
  fc.constant({
    projected: {
      sources: [
        { serviceAccountToken: { path: 'token' } },
        { configMap: { name: 'web' } },
        { secret: { name: 'tls' } },
      ],
    },
  }),
)
const volumeNames = ['one', 'two', `v${'x'.repeat(62)}`]
const volumes = fc
  .tuple(source, source, source)
  .map((sources) =>
    sources.map(
      (from, index) => JSON.parse(JSON.stringify({ name: volumeNames[index], ...from })) as V1Volume,
    ),
  )

const mount = fc
  .record({
    name: fc.constantFrom(...volumeNames),
    mountPath: fc.constantFrom(...paths),
    subPath: maybe(file),
    subPathExpr: maybe(fc.constant('$(POD).conf')),
  })
  .map(
    ({ subPath, subPathExpr, ...rest }): V1VolumeMount =>
      defined({ ...rest, ...(subPath ? { subPath } : { subPathExpr }) } as V1VolumeMount),
  )
const mounts = fc.uniqueArray(mount, { selector: ({ mountPath }) => mountPath, maxLength: 5 })

const container = (name: string): fc.Arbitrary<V1Container> =>
  fc
    .record({
      image: fc.constantFrom('nginx', 'prometheus', 'envoy', 'redis', 'example.org/app'),
      volumeMounts: mounts,
      user: maybe(fc.constantFrom(0, 1000)),
      readOnly: fc.boolean(),
      limits: maybe(fc.constantFrom({ cpu: '1', memory: '1Gi' }, { 'ephemeral-storage': '1Gi' })),
    })
    .map(({ image, volumeMounts, user, readOnly, limits }) => ({
      name,
      image,
      volumeMounts,
      securityContext: {
        readOnlyRootFilesystem: readOnly,
        ...(user === undefined ? {} : { runAsUser: user }),
      },
      ...(limits ? { resources: { limits } } : {}),
    }))

const names = ['web', 'istio-proxy', `c${'y'.repeat(62)}`]
const spec: fc.Arbitrary<V1PodSpec> = fc
  .record({
    volumes,
    containers: fc.tuple(...names.map(container)),
    init: maybe(container('prepare')),
    shareProcessNamespace: maybe(fc.boolean()),
  })
  .map(({ init, ...rest }) => defined({ ...rest, ...(init ? { initContainers: [init] } : {}) } as V1PodSpec))

const wishes = fc
  .record(
    {
      reload: fc.constantFrom('none', 'rollout', 'auto'),
      subpath: fc.constantFrom('symlink', 'copy', 'keep'),
      'signal.web': fc.constant('HUP'),
    },
    { requiredKeys: [] },
  )
  .map((record) => keys(JSON.parse(JSON.stringify(record))))

const bare = (object: ApiObject): ApiObject => ({
  ...object,
  metadata: { ...object.metadata, ownerReferences: [] },
})

test('whatever Pod comes, the result is one that the API server could take', async () => {
  await fc.assert(
    fc.asyncProperty(spec, wishes, fc.boolean(), async (wanted, annotations, isBare) => {
      const before = isBare ? bare(pod(wanted, annotations)) : pod(wanted, annotations)
      const request = requestFor(before)
      const { allowed, patch = [], outcome } = await pods()(request)
      expect(allowed).toBe(true)
      expect(outcome).toMatch(/^(injected|skipped)$/)
      const after = jsonpatch.applyPatch(structuredClone(before), patch).newDocument
      expect(after).toEqual(request.object)

      const result = podTemplate(after)?.spec ?? { containers: [] }
      const all = [...(result.initContainers ?? []), ...result.containers]
      const volumeSet = new Set((result.volumes ?? []).map(({ name }) => name))
      expect(volumeSet.size).toBe(result.volumes?.length)
      expect(new Set(all.map(({ name }) => name)).size).toBe(all.length)
      for (const name of [...volumeSet, ...all.map((one) => one.name)])
        expect(name.length).toBeLessThanOrEqual(63)
      for (const { volumeMounts = [] } of all) {
        expect(new Set(volumeMounts.map(({ mountPath }) => mountPath)).size).toBe(volumeMounts.length)
        for (const one of volumeMounts) {
          expect(volumeSet).toContain(one.name)
          // The API server refuses a subPath that is absolute or leaves the volume.
          expect(one.subPath ?? '').not.toMatch(/^\/|(^|\/)\.\.(\/|$)/)
        }
      }
      // What is there keeps its order, and a bare Pod its own containers.
      expect(result.containers.map(({ name }) => name)).toEqual(names)
      if (isBare) expect(result.containers).toEqual(wanted.containers)

      const again = await pods()(requestFor(after))
      expect(again.patch ?? []).toEqual([])
    }),
    { numRuns: 200 },
  )
})
