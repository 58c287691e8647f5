/** ConfigMaps of our own namespace, in which the controller stores what its next process has to know. */
import type { V1ConfigMap } from '@kubernetes/client-node'
import { type Api, type ApiCall, send } from './api.ts'
import { asObject } from './response-body.ts'

const configMaps = ({ namespace }: Api): string => `/api/v1/namespaces/${namespace}/configmaps`

/** @returns an empty record without such a ConfigMap. @throws ApiError */
export async function readKeys(api: Api, name: string): Promise<Readonly<Record<string, string>>> {
  const { status, body } = await send(api, { method: 'GET', path: `${configMaps(api)}/${name}` }, 200, 404)
  return status === 404 ? {} : (asObject<V1ConfigMap>(body).data ?? {})
}

/**
 * Writes keys of a ConfigMap, and creates it where it does not exist.
 * @param part value of the label `hotreload.dev/part`, by which ConfigMaps of one purpose are listed
 * @param keys null removes a key
 * @param whole the content of a new ConfigMap; by default `keys`
 * @throws ApiError
 */
export async function writeKeys(
  api: Api,
  name: string,
  part: string,
  keys: Readonly<Record<string, string | null>>,
  whole = (): Readonly<Record<string, string | null>> => keys,
): Promise<void> {
  const patch: ApiCall = {
    method: 'PATCH',
    path: `${configMaps(api)}/${name}`,
    body: { data: keys },
    contentType: 'application/merge-patch+json',
  }
  if ((await send(api, patch, 200, 404)).status === 200) return
  const labels = { 'app.kubernetes.io/name': 'hotreload', 'hotreload.dev/part': part }
  const metadata = { name, namespace: api.namespace, labels }
  const data = Object.fromEntries(Object.entries(whole()).filter(([, text]) => text !== null))
  const create: ApiCall = {
    method: 'POST',
    path: configMaps(api),
    body: { apiVersion: 'v1', kind: 'ConfigMap', metadata, data },
  }
  await send(api, create, 201)
}
