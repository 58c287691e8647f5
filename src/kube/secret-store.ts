/** Secrets of our own namespace, by name. Each update carries the resourceVersion of the read that it follows from. */
import type { V1Secret } from '@kubernetes/client-node'
import { type Api, type ApiCall, send } from '../api/api.ts'
import { asObject } from '../api/response-body.ts'
import type { SecretStore, StoredSecret } from '../tls/stores.ts'

const labels = { 'app.kubernetes.io/name': 'hotreload', 'app.kubernetes.io/managed-by': 'hotreload' }

export function createSecretStore(api: Api): SecretStore {
  const path = `/api/v1/namespaces/${api.namespace}/secrets`
  return {
    async read(name) {
      const { status, body } = await send(api, { method: 'GET', path: `${path}/${name}` }, 200, 404)
      return status === 404 ? undefined : decode(body)
    },
    async create(name, data) {
      const body = { apiVersion: 'v1', kind: 'Secret', metadata: { name, labels }, data: encode(data) }
      return (await send(api, { method: 'POST', path, body }, 201, 409)).status === 201
    },
    async update(name, data, resourceVersion) {
      const patch: ApiCall = {
        method: 'PATCH',
        path: `${path}/${name}`,
        // A merge patch leaves others' labels and annotations alone; a stale resourceVersion in it is a 409.
        body: { metadata: { resourceVersion }, data: encode(data) },
        contentType: 'application/merge-patch+json',
      }
      return (await send(api, patch, 200, 404, 409)).status === 200
    },
  }
}

function encode(data: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString('base64')]),
  )
}

function decode(body: unknown): StoredSecret {
  const { metadata, data = {} } = asObject<V1Secret>(body)
  const entries = Object.entries(data).map(([key, text]) => [key, Buffer.from(text, 'base64').toString()])
  return { data: Object.fromEntries(entries), resourceVersion: metadata?.resourceVersion ?? '' }
}
