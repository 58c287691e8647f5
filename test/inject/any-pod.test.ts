// Injection of random Pods: the result is consistent, and injecting it again changes nothing. test/apiserver/any-pod.test.ts asks an API server.
import fc from 'fast-check'
import jsonpatch from 'fast-json-patch'
import { expect, test } from 'vitest'
import { podTemplate } from '../../src/workload/pod-template.ts'
import { anyAnnotations, anySpec, bare, names } from '../support/any-pod.ts'
import { injectedPod, operationsOf, pod, pods, requestFor } from '../support/builders.ts'

test('the result of any Pod is consistent', async () => {
  await fc.assert(
    fc.asyncProperty(anySpec, anyAnnotations, fc.boolean(), async (wanted, annotations, isBare) => {
      const before = isBare ? bare(pod(wanted, annotations)) : pod(wanted, annotations)
      const request = requestFor(before)
      const answer = await pods()(request)
      expect(answer.allowed).toBe(true)
      expect(answer.outcome).toMatch(/^(injected|skipped)$/)
      const after = jsonpatch.applyPatch(structuredClone(before), operationsOf(answer)).newDocument
      expect(request.object).toEqual(before)
      expect(after).toEqual(injectedPod(before))

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
      // Containers keep their order, and those of a bare Pod do not change.
      expect(result.containers.map(({ name }) => name)).toEqual(names)
      if (isBare) expect(result.containers).toEqual(wanted.containers)

      const again = await pods()(requestFor(after))
      expect(operationsOf(again)).toEqual([])
    }),
    { numRuns: 200 },
  )
})
