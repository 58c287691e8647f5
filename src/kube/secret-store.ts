/** Secrets of our own namespace, by name. Every write carries the resourceVersion that it was decided on. */
import type { SecretStore, StoredSecret } from '../tls/stores.ts'
import { ApiError, type Call, type KubeClient } from './client.ts'

const labels = { 'app.kubernetes.io/name': 'hotreload', 'app.kubernetes.io/managed-by': 'hotreload' }

export function createSecretStore(client: KubeClient): SecretStore {
  const path = `/api/v1/namespaces/${client.namespace}/secrets`
  return {
    async read(name) {
      const call: Call = { method: 'GET', path: `${path}/${name}` }
      const response = await client.call(call)
      if (response.status === 404) return undefined
      if (response.status !== 200) throw new ApiError(call, response)
      return decode(response.body)
    },
    async create(name, data) {
      const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name, labels }, data: encode(data) }
      const call: Call = { method: 'POST', path, body: secret }
      const response = await client.call(call)
      if (response.status === 409) return false
      if (response.status !== 201) throw new ApiError(call, response)
      return true
    },
    async update(name, data, resourceVersion) {
      // A merge patch leaves labels and annotations of others; with a resourceVersion in it a stale one is a 409.
      const body = { metadata: { resourceVersion }, data: encode(data) }
      const call: Call = {
        method: 'PATCH',
        path: `${path}/${name}`,
        body,
        contentType: 'application/merge-patch+json',
      }
      const response = await client.call(call)
      if (response.status === 409 || response.status === 404) return false
      if (response.status !== 200) throw new ApiError(call, response)
      return true
    },
  }
}

function encode(data: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString('base64')]),
  )
}

function decode(body: unknown): StoredSecret {
  const { metadata, data } = Object(body)
  const entries = Object.entries<unknown>(data ?? {}).map(([key, value]) => {
    return [key, Buffer.from(String(value), 'base64').toString()] as const
  })
  return { data: Object.fromEntries(entries), resourceVersion: String(metadata?.resourceVersion) }
}
