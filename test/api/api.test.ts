import { expect, test } from 'vitest'
import { ApiError, send } from '../../src/api/api.ts'
import { UserError } from '../../src/errors.ts'

const get = { method: 'GET', path: '/api/v1/pods' } as const
const answer = (status: number, body: unknown = {}) => ({ call: async () => ({ status, body }) })

test('send returns each expected status', async () => {
  expect(await send(answer(404), get, 200, 404)).toEqual({ status: 404, body: {} })
})

test('send rejects any other status, with the server’s message and a code', async () => {
  const error = await send(answer(500, { message: 'etcd is slow' }), get, 200).catch(
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(UserError)
  expect(error).toMatchObject({ status: 500, code: 'HR_API', problem: 'GET /api/v1/pods: 500 etcd is slow' })
})

test.each([
  [403, 'grant it as deploy/base does'],
  [500, 'it is tried again'],
])('the remedy for %i: %s', (status, remedy) =>
  expect(new ApiError(get, { status, body: undefined })).toMatchObject({
    problem: `GET /api/v1/pods: ${status}`,
    remedy,
  }),
)
