/** Lists in pages: all objects of a kind together can exceed the size limit of a response. */
import type { ApiObject } from '../workload/pod-template.ts'
import type { Api, ApiResponse } from './api.ts'

/** Milliseconds for one page. */
const PAGE_TIMEOUT = 30_000

/** A Pod has about 5 KB, so a page of them stays far below the client's limit of 8 MiB. */
const PAGE_SIZE = 250

/**
 * The responses in order. A response without a list is the last one.
 * @param path may have a query
 * @param limit objects per page
 */
export async function* listPages(
  api: Pick<Api, 'call'>,
  path: string,
  limit: number,
): AsyncGenerator<ApiResponse> {
  let token = ''
  do {
    const query = `limit=${limit}${token && `&continue=${encodeURIComponent(token)}`}`
    const response = await api.call({
      method: 'GET',
      path: `${path}${path.includes('?') ? '&' : '?'}${query}`,
      timeoutMilliseconds: PAGE_TIMEOUT,
    })
    yield response
    const { metadata } = Object(response.body) as { metadata?: { continue?: string } }
    token = (response.status === 200 && metadata?.continue) || ''
  } while (token !== '')
}

/**
 * @param path may have a query
 * @param onPage receives the number of objects read so far
 * @returns the objects, or the first response that is not 200
 */
export async function listAll<T extends ApiObject = ApiObject>(
  api: Pick<Api, 'call'>,
  path: string,
  onPage: (count: number) => void = () => {},
): Promise<T[] | ApiResponse> {
  const all: T[] = []
  for await (const response of listPages(api, path, PAGE_SIZE)) {
    // 410: the version of the first page expires after some minutes. The caller starts anew.
    if (response.status !== 200) return response
    const { items, apiVersion = '', kind = '' } = response.body as ApiObject & { items: T[] | null }
    // The items of a list have neither of their own.
    for (const item of items ?? []) all.push({ apiVersion, kind: kind.replace(/List$/, ''), ...item })
    onPage(all.length)
  }
  return all
}
