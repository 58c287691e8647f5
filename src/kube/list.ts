/** All objects of a collection, for the command line. */
import { pagesOf } from '../api/pages.ts'
import type { ApiObject } from '../workload/pod-template.ts'
import type { ApiResponse, KubeClient } from './client.ts'

/** A Pod has about 5 KB, so a page stays far below the client's limit of 8 MiB. */
const PAGE = 250

/**
 * @param path may have a query
 * @param onPage told how many there are so far
 * @returns the objects, or the answer that was none
 */
export async function listAll<T extends ApiObject = ApiObject>(
  client: Pick<KubeClient, 'call'>,
  path: string,
  onPage: (count: number) => void = () => {},
): Promise<T[] | ApiResponse> {
  const all: T[] = []
  for await (const response of pagesOf(client, path, PAGE)) {
    // The first page's version is gone after some minutes: 410, and whoever waited that long starts anew.
    if (response.status !== 200) return response
    const { items, kind } = response.body as { kind?: string; items: T[] | null }
    // Items of a list have no kind of their own.
    for (const item of items ?? []) all.push({ kind: kind?.replace(/List$/, '') ?? '', ...item })
    onPage(all.length)
  }
  return all
}
