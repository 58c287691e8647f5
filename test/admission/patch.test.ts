import type { V1PodSpec } from '@kubernetes/client-node'
import jsonpatch from 'fast-json-patch'
import { describe, expect, test } from 'vitest'
import { patchBetween } from '../../src/admission/patch.ts'
import type { ApiObject } from '../../src/workload/pod-template.ts'
import { injectedPod, nginx, operationsOf, pod, podSpec, pods, requestFor } from '../support/builders.ts'

describe('patchBetween', () => {
  test('is empty between an object and itself', () => {
    const object = pod()
    expect(patchBetween(object, object)).toEqual([])
  })

  test('leads from the received object to the wanted one, and changes neither', () => {
    const before = pod()
    const after = { ...before, metadata: { ...before.metadata, finalizers: ['app'] } }
    const [received, wanted] = structuredClone([before, after])
    const patch = patchBetween(before, after)
    expect([before, after]).toEqual([received, wanted])
    expect(patch).toEqual([{ op: 'add', path: '/metadata/finalizers', value: ['app'] }])
    expect(jsonpatch.applyPatch(structuredClone(before), patch).newDocument).toEqual(after)
  })

  test('escapes slashes and tildes of a key', () => {
    const before = pod()
    const annotations = { ...before.metadata?.annotations, 'a/b~c': 'd' }
    const patch = patchBetween(structuredClone(before), {
      ...before,
      metadata: { ...before.metadata, annotations },
    })
    expect(patch.map(({ path }) => path)).toEqual(['/metadata/annotations/a~1b~0c'])
  })

  const spec = podSpec()
  test.each<[what: string, after: V1PodSpec, error: string]>([
    ['two containers of one name', { ...spec, initContainers: [nginx()] }, 'a container would exist twice'],
    [
      'two volumes of one name',
      { ...spec, volumes: [...(spec.volumes ?? []), { name: 'conf' }] },
      'a volume would exist twice',
    ],
    [
      'two mounts at one path',
      {
        ...spec,
        containers: [
          nginx({
            volumeMounts: [
              { name: 'conf', mountPath: '/a' },
              { name: 'conf', mountPath: '/a' },
            ],
          }),
        ],
      },
      'a mount of container web would exist twice',
    ],
    [
      'a mount of ours without its volume',
      { ...spec, containers: [nginx({ volumeMounts: [{ name: 'hotreload-bin', mountPath: '/x' }] })] },
      'container web mounts hotreload-bin, which does not exist',
    ],
  ])('refuses %s, as the API server would refuse the user’s Pod', (_, after, error) =>
    expect(() => patchBetween(pod(), pod(after))).toThrow(error),
  )

  test('a mount of a StatefulSet’s claim template needs no volume in the template', () => {
    const after = podSpec({ containers: [nginx({ volumeMounts: [{ name: 'data', mountPath: '/data' }] })] })
    expect(() => patchBetween(pod(), pod(after))).not.toThrow()
  })

  test('refuses to lose the pod template', () =>
    expect(() => patchBetween(pod(), { kind: 'Pod' })).toThrow('the patch lost the pod template'))
})

describe('a patch of the Pod webhook', () => {
  const labels = JSON.parse('{"__proto__":"x","constructor":"y","a/b~c":"z"}')

  test.each<[what: string, object: ApiObject]>([
    ['of a plain Pod', pod()],
    ['of a Pod with keys that every object inherits', { ...pod(), metadata: { ...pod().metadata, labels } }],
    ['of a Pod without volumes of its own but the ConfigMap', pod(podSpec({ initContainers: [] }))],
  ])('%s applies to what the API server has', async (_, object) => {
    const request = requestFor(object)
    const patch = operationsOf(await pods()(request))
    expect(patch.length).toBeGreaterThan(0)
    expect(request.object).toEqual(object)
    const applied = jsonpatch.applyPatch(structuredClone(object), patch).newDocument
    expect(applied).toEqual(injectedPod(object))
  })

  test('appends to the lists, and never replaces one', async () => {
    const object = pod(podSpec({ initContainers: [nginx({ name: 'prepare', volumeMounts: [] })] }))
    const patch = operationsOf(await pods()(requestFor(object)))
    expect(patch.map(({ op, path }) => `${op} ${path}`).toSorted()).toEqual([
      'add /metadata/annotations/cluster-autoscaler.kubernetes.io~1safe-to-evict-local-volumes',
      'add /metadata/annotations/hotreload.dev~1status',
      'add /spec/initContainers/1',
      'add /spec/initContainers/2',
      'add /spec/shareProcessNamespace',
      'add /spec/volumes/1',
      'add /spec/volumes/2',
      'add /spec/volumes/3',
    ])
  })
})
