/** Lists in pages: all objects of a kind together can exceed the size limit of a response. */
import type { ApiObject } from '../workload/pod-template.ts'
import { type Api, type ApiCall, ApiError, type ApiResponse, ResponseTooLarge } from './api.ts'
import { asList, asObject } from './response-body.ts'

/** Milliseconds for one page. */
const PAGE_TIMEOUT = 30_000

/** A Pod has 5 to 30 KB, so that most pages are below the client's limit of 8 MiB. */
const PAGE_SIZE = 250

/**
 * The objects, a page at a time.
 * @param path may have a query
 * @param limit objects per page
 * @throws ApiError
 */
export async function* listPages<T extends object = ApiObject>(
  api: Pick<Api, 'call'>,
  path: string,
  limit: number,
): AsyncGenerator<readonly T[]> {
  for await (const response of responses(api, path, limit)) {
    if (response.status !== 200) throw new ApiError({ method: 'GET', path }, response)
    yield asList<T>(response.body).items
  }
}

/**
 * @param path may have a query
 * @param onPage receives the number of objects read so far
 * @returns the objects, or the first response that is not 200
 */
export async function listAll<T extends object = ApiObject>(
  api: Pick<Api, 'call'>,
  path: string,
  onPage: (count: number) => void = () => {},
): Promise<T[] | ApiResponse> {
  const all: T[] = []
  for await (const response of responses(api, path, PAGE_SIZE)) {
    // 410: the version of the first page expires after some minutes. The caller starts anew.
    if (response.status !== 200) return response
    const { apiVersion = '', kind = '' } = asObject(response.body)
    // The items of a list have neither of their own.
    for (const item of asList<T>(response.body).items)
      all.push({ apiVersion, kind: kind.replace(/List$/, ''), ...item })
    onPage(all.length)
  }
  return all
}

/** The responses in order; one that is not 200 is the last. */
async function* responses(api: Pick<Api, 'call'>, path: string, limit: number): AsyncGenerator<ApiResponse> {
  let token = ''
  do {
    const response = await readPage(api, { path, timeoutMilliseconds: PAGE_TIMEOUT }, limit, token)
    yield response
    token = response.status === 200 ? asList(response.body).continueToken : ''
  } while (token !== '')
}

/**
 * One page, of fewer objects where so many are too long for a response: an object may take 1.5 MiB.
 * @param token of the page before; empty: the first page
 */
export async function readPage(
  api: Pick<Api, 'call'>,
  call: Omit<ApiCall, 'method'>,
  limit: number,
  token: string,
): Promise<ApiResponse> {
  const query = `limit=${limit}${token && `&continue=${encodeURIComponent(token)}`}`
  const path = `${call.path}${call.path.includes('?') ? '&' : '?'}${query}`
  try {
    return await api.call({ method: 'GET', ...call, path })
  } catch (error) {
    if (!(error instanceof ResponseTooLarge) || limit === 1) throw error
    return readPage(api, call, Math.ceil(limit / 4), token)
  }
}
