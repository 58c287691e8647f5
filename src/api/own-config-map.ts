/** ConfigMaps of our own namespace, in which the controller keeps what must outlive it. */
import { type Api, type ApiCall, send } from './api.ts'

const configMaps = ({ namespace }: Api): string => `/api/v1/namespaces/${namespace}/configmaps`

/** Empty where there is no such object. @throws ApiError */
export async function readKeys(api: Api, name: string): Promise<Readonly<Record<string, string>>> {
  const { status, body } = await send(api, { method: 'GET', path: `${configMaps(api)}/${name}` }, 200, 404)
  return status === 404 ? {} : ((body as { data?: Record<string, string> }).data ?? {})
}

/**
 * Writes keys; null takes one away. Where there is no such object it is made.
 * @param part for the label by which its kind is found again
 * @param whole what a new object holds; by default these keys
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
