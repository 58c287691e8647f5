// Whatever Pod the API server takes, it takes injected, too.
import fc from 'fast-check'
import jsonpatch from 'fast-json-patch'
import { expect, inject, test } from 'vitest'
import { createClient } from '../../src/kube/client.ts'
import { kubeconfigConnection } from '../../src/kube/connection.ts'
import type { ApiObject } from '../../src/workload/pod-template.ts'
import { spec, wishes } from '../support/any-pod.ts'
import { pod, pods, requestFor } from '../support/builders.ts'
import { namespace } from '../support/kube.ts'

test('whatever Pod the API server takes, it takes injected, too', async () => {
  const ns = await namespace()
  const client = createClient(await kubeconfigConnection(inject('cluster').kubeconfig, ns.name))
  /** What is wrong with it; empty: nothing. */
  const refusal = async (object: ApiObject): Promise<string> => {
    const path = `/api/v1/namespaces/${ns.name}/pods?dryRun=All`
    const body = { ...object, metadata: { ...object.metadata, namespace: ns.name } }
    const { status, body: answer } = await client.call({ method: 'POST', path, body })
    return status === 201 ? '' : `${status} ${Object(answer).message}`
  }
  let injected = 0
  await fc.assert(
    fc.asyncProperty(spec, wishes, async (wanted, annotations) => {
      const before = pod(wanted, annotations)
      if ((await refusal(before)) !== '') return
      const { outcome, patch = [] } = await pods()(requestFor(before))
      if (outcome === 'injected') injected += 1
      const after = jsonpatch.applyPatch(structuredClone(before), patch).newDocument
      expect(await refusal(after)).toBe('')
    }),
    { numRuns: 500 },
  )
  // Some hundred, by the arbitraries' own odds: a test that sees none would prove nothing.
  expect(injected).toBeGreaterThan(20)
})
