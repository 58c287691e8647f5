/** Writes the caBundle of our webhook configuration and no other field: GitOps tools own the rest. */
import type { V1MutatingWebhookConfiguration } from '@kubernetes/client-node'
import { type Api, type ApiCall, send } from '../api/api.ts'
import { asObject } from '../api/response-body.ts'
import type { BundlePublisher } from '../tls/stores.ts'

const CONFIGURATIONS = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations'

/** @param name of the MutatingWebhookConfiguration; RBAC allows get and patch of this one only */
export function createBundlePublisher(api: Pick<Api, 'call'>, name: string): BundlePublisher {
  const path = `${CONFIGURATIONS}/${name}`
  const read = async (): Promise<V1MutatingWebhookConfiguration | undefined> => {
    const { status, body } = await send(api, { method: 'GET', path }, 200, 404)
    return status === 404 ? undefined : asObject<V1MutatingWebhookConfiguration>(body)
  }
  return {
    async published() {
      const bundles = (await read())?.webhooks?.map(({ clientConfig }) => clientConfig.caBundle ?? '')
      return Buffer.from(bundles?.find((bundle) => bundle !== '') ?? '', 'base64').toString()
    },
    async publish(bundle) {
      const caBundle = Buffer.from(bundle).toString('base64')
      const found = await read()
      if (found === undefined) return false
      const { metadata, webhooks = [] } = found
      const stale = webhooks.flatMap(({ clientConfig }, index) =>
        clientConfig.caBundle === caBundle ? [] : [index],
      )
      if (stale.length === 0) return true
      const body = [
        { op: 'test', path: '/metadata/resourceVersion', value: metadata?.resourceVersion },
        ...stale.map((index) => ({
          op: 'add',
          path: `/webhooks/${index}/clientConfig/caBundle`,
          value: caBundle,
        })),
      ]
      const patch: ApiCall = { method: 'PATCH', path, body, contentType: 'application/json-patch+json' }
      // A failed `test` is 422: the configuration was applied in between.
      return (await send(api, patch, 200, 404, 409, 422)).status === 200
    },
  }
}
