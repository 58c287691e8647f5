// The API server accepts every injected Pod whose original it accepts.
import fc from 'fast-check'
import jsonpatch from 'fast-json-patch'
import { expect, test } from 'vitest'
import { createClient } from '../../src/kube/client.ts'
import { kubeconfigConnection } from '../../src/kube/connection.ts'
import type { ApiObject } from '../../src/workload/pod-template.ts'
import { anyAnnotations, anySpec } from '../support/any-pod.ts'
import { operationsOf, pod, pods, requestFor } from '../support/builders.ts'
import { cluster, namespace } from '../support/kube.ts'

test('the API server accepts every injected Pod whose original it accepts', async () => {
  const ns = await namespace()
  const client = createClient(await kubeconfigConnection(cluster().kubeconfig, ns.name))
  /** Why the API server refuses the object; empty if it accepts it. */
  const refusal = async (object: ApiObject): Promise<string> => {
    const path = `/api/v1/namespaces/${ns.name}/pods?dryRun=All`
    const body = { ...object, metadata: { ...object.metadata, namespace: ns.name } }
    const { status, body: answer } = await client.call({ method: 'POST', path, body })
    return status === 201 ? '' : `${status} ${Object(answer).message}`
  }
  let injected = 0
  await fc.assert(
    fc.asyncProperty(anySpec, anyAnnotations, async (spec, annotations) => {
      const before = pod(spec, annotations)
      if ((await refusal(before)) !== '') return
      const answer = await pods()(requestFor(before))
      if (answer.outcome === 'injected') injected += 1
      const after = jsonpatch.applyPatch(structuredClone(before), operationsOf(answer)).newDocument
      expect(await refusal(after)).toBe('')
    }),
    { numRuns: 500 },
  )
  // The arbitraries give some hundred injected Pods. Without any, the test would prove nothing.
  expect(injected).toBeGreaterThan(20)
})
