/** ConfigMaps of our own namespace, in which the controller keeps what must outlive it. */
import { type Api, type ApiCall, UnexpectedAnswer } from './api.ts'

/**
 * Writes keys; null takes one away. Where there is no such object it is made.
 * @param part for the label by which its kind is found again
 * @param whole what a new object holds; by default these keys
 * @throws UnexpectedAnswer
 */
export async function writeKeys(
  api: Api,
  name: string,
  part: string,
  keys: Readonly<Record<string, string | null>>,
  whole = (): Readonly<Record<string, string | null>> => keys,
): Promise<void> {
  const collection = `/api/v1/namespaces/${api.namespace}/configmaps`
  const patch: ApiCall = {
    method: 'PATCH',
    path: `${collection}/${name}`,
    body: { data: keys },
    contentType: 'application/merge-patch+json',
  }
  const patched = await api.call(patch)
  if (patched.status === 200) return
  if (patched.status !== 404) throw new UnexpectedAnswer(patch, patched)
  const labels = { 'app.kubernetes.io/name': 'hotreload', 'hotreload.dev/part': part }
  const metadata = { name, namespace: api.namespace, labels }
  const data = Object.fromEntries(Object.entries(whole()).filter(([, text]) => text !== null))
  const create: ApiCall = {
    method: 'POST',
    path: collection,
    body: { apiVersion: 'v1', kind: 'ConfigMap', metadata, data },
  }
  const created = await api.call(create)
  if (created.status !== 201) throw new UnexpectedAnswer(create, created)
}
