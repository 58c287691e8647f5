/** Keeps the caBundle of our webhook configuration right, and touches nothing else of it: GitOps tools own the rest. */
import type { BundlePublisher } from '../tls/stores.ts'
import { ApiError, type Call, type KubeClient } from './client.ts'

const CONFIGURATIONS = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations'

/** @param name of the MutatingWebhookConfiguration; RBAC allows get and patch of this one only */
export function createBundlePublisher(client: KubeClient, name: string): BundlePublisher {
  const path = `${CONFIGURATIONS}/${name}`
  return {
    async publish(bundle) {
      const caBundle = Buffer.from(bundle).toString('base64')
      const read: Call = { method: 'GET', path }
      const found = await client.call(read)
      if (found.status === 404) return false
      if (found.status !== 200) throw new ApiError(read, found)
      const { metadata, webhooks } = Object(found.body)
      const stale: number[] = []
      for (const [index, webhook] of Array.from<unknown>(webhooks ?? []).entries())
        if (Object(Object(webhook).clientConfig).caBundle !== caBundle) stale.push(index)
      if (stale.length === 0) return true
      const body = [
        { op: 'test', path: '/metadata/resourceVersion', value: metadata?.resourceVersion },
        ...stale.map((index) => ({
          op: 'add',
          path: `/webhooks/${index}/clientConfig/caBundle`,
          value: caBundle,
        })),
      ]
      const write: Call = { method: 'PATCH', path, body, contentType: 'application/json-patch+json' }
      const written = await client.call(write)
      // A failed `test` is 422: somebody applied the configuration in between.
      if (written.status === 409 || written.status === 422 || written.status === 404) return false
      if (written.status !== 200) throw new ApiError(write, written)
      return true
    },
  }
}
