/** Lists page by page: all objects of a kind can be larger than any answer that is read. */
import type { Api, ApiResponse } from './api.ts'

/** Milliseconds, for one page. */
const TIMEOUT = 30_000

/**
 * The answers, as they come; one that is no list is the last.
 * @param path may have a query
 * @param limit objects on a page
 */
export async function* pagesOf(
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
      timeoutMilliseconds: TIMEOUT,
    })
    yield response
    const { metadata } = Object(response.body) as { metadata?: { continue?: string } }
    token = (response.status === 200 && metadata?.continue) || ''
  } while (token !== '')
}
