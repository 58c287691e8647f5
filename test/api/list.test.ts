import { expect, test } from 'vitest'
import type { ApiCall, ApiResponse } from '../../src/api/api.ts'
import { ApiError, ResponseTooLarge } from '../../src/api/api.ts'
import { listAll, listPages } from '../../src/api/list.ts'

/** Answers one page after the other, and keeps the paths. */
function pages(...responses: ApiResponse[]) {
  const paths: string[] = []
  return {
    paths,
    async call({ path }: ApiCall): Promise<ApiResponse> {
      paths.push(path)
      return responses[paths.length - 1] ?? expect.fail('one page too many')
    },
  }
}
const page = (token: string, ...names: string[]): ApiResponse => ({
  status: 200,
  body: {
    kind: 'PodList',
    apiVersion: 'v1',
    metadata: { continue: token },
    items: names.map((name) => ({ metadata: { name } })),
  },
})
const named = (name: string) => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name } })
const refused = { status: 403, body: { message: 'no' } }

test('all pages are one list, whose items have the list’s kind', async () => {
  const api = pages(page('a b', 'one', 'two'), page('', 'three'))
  const counts: number[] = []
  expect(await listAll(api, '/api/v1/pods', (count) => counts.push(count))).toEqual(
    ['one', 'two', 'three'].map(named),
  )
  expect(counts).toEqual([2, 3])
  expect(api.paths).toEqual(['/api/v1/pods?limit=250', '/api/v1/pods?limit=250&continue=a%20b'])
})

test('the first response that is no list is the result', async () => {
  expect(await listAll(pages(page('next', 'one'), refused), '/api/v1/pods')).toBe(refused)
})

test('page by page, with a query of the path’s own', async () => {
  const api = pages(page('next', 'one'), page('', 'two'))
  const seen: string[][] = []
  for await (const items of listPages(api, '/api/v1/pods?labelSelector=a', 1))
    seen.push(items.map(({ metadata }) => metadata?.name ?? ''))
  expect(seen).toEqual([['one'], ['two']])
  expect(api.paths[0]).toBe('/api/v1/pods?labelSelector=a&limit=1')
})

test('a page that is too long for a response is read in parts', async () => {
  const answers = pages(page('next', 'one'), page('', 'two'))
  const tooLong: string[] = []
  const api = {
    call: async (call: ApiCall) => {
      if (!/limit=(16|4|1)\b/.test(call.path)) {
        tooLong.push(call.path)
        throw new ResponseTooLarge(1)
      }
      return answers.call(call)
    },
  }
  expect(await listAll(api, '/api/v1/pods')).toEqual(['one', 'two'].map(named))
  expect(answers.paths).toEqual(['/api/v1/pods?limit=16', '/api/v1/pods?limit=16&continue=next'])
  expect(tooLong).toHaveLength(4)
})

test('an object that is too long for a response is an error', async () => {
  const api = { call: () => Promise.reject(new ResponseTooLarge(1)) }
  await expect(listAll(api, '/api/v1/pods')).rejects.toThrow(ResponseTooLarge)
})

test('a page that is refused is an error', async () => {
  const listed = listPages(pages(page('next', 'one'), refused), '/api/v1/pods', 1)
  await listed.next()
  await expect(listed.next()).rejects.toThrow(ApiError)
})
