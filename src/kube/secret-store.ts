/**
 * Secrets of our own namespace, by name. Each update carries the resourceVersion of the read that it follows from. The manifests hold these Secrets
 * empty, so that an uninstall removes them: an empty one counts as none.
 */
import type { V1Secret } from '@kubernetes/client-node'
import { type Api, type ApiCall, send } from '../api/api.ts'
import { asObject } from '../api/response-body.ts'
import type { SecretStore, StoredSecret } from '../tls/stores.ts'

const labels = { 'app.kubernetes.io/name': 'hotreload', 'app.kubernetes.io/managed-by': 'hotreload' }

export function createSecretStore(api: Api): SecretStore {
  const path = `/api/v1/namespaces/${api.namespace}/secrets`
  async function find(name: string): Promise<StoredSecret | undefined> {
    const { status, body } = await send(api, { method: 'GET', path: `${path}/${name}` }, 200, 404)
    return status === 404 ? undefined : decode(body)
  }
  async function update(
    name: string,
    data: Record<string, string>,
    resourceVersion: string,
  ): Promise<boolean> {
    const patch: ApiCall = {
      method: 'PATCH',
      path: `${path}/${name}`,
      // A merge patch leaves others' labels and annotations alone; a stale resourceVersion in it is a 409.
      body: { metadata: { resourceVersion }, data: encode(data) },
      contentType: 'application/merge-patch+json',
    }
    return (await send(api, patch, 200, 404, 409)).status === 200
  }
  return {
    async read(name) {
      const found = await find(name)
      return found && !isEmpty(found) ? found : undefined
    },
    async create(name, data) {
      const body = { apiVersion: 'v1', kind: 'Secret', metadata: { name, labels }, data: encode(data) }
      if ((await send(api, { method: 'POST', path, body }, 201, 409)).status === 201) return true
      const found = await find(name)
      return found !== undefined && isEmpty(found) && update(name, data, found.resourceVersion)
    },
    update,
  }
}

const isEmpty = ({ data }: StoredSecret): boolean => Object.keys(data).length === 0

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
