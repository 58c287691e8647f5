import { expect, test } from 'vitest'
import type { ApiCall } from '../../src/api/api.ts'
import { limitCalls } from '../../src/api/limit-calls.ts'

test('only so many calls are under way at once, in order, and one that fails gives its place on', async () => {
  const ends: (() => void)[] = []
  const paths: string[] = []
  const call = async ({ path }: ApiCall) => {
    paths.push(path)
    await new Promise<void>((resolve) => ends.push(resolve))
    if (path === '/1') throw new Error('no answer')
    return { status: 200, body: path }
  }
  const api = limitCalls({ namespace: 'own', call }, 2)
  const all = Promise.allSettled(['/0', '/1', '/2', '/3'].map((path) => api.call({ method: 'GET', path })))
  await new Promise(setImmediate)
  expect(paths).toEqual(['/0', '/1'])
  ends[1]?.()
  await new Promise(setImmediate)
  expect(paths).toEqual(['/0', '/1', '/2'])
  ends[0]?.()
  await new Promise(setImmediate)
  expect(paths).toEqual(['/0', '/1', '/2', '/3'])
  for (const end of ends) end()
  expect((await all).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled'])
  void api.call({ method: 'GET', path: '/4' })
  expect([api.namespace, paths.length]).toEqual(['own', 5])
})
