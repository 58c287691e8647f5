import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { AdmissionResponse, Handler } from '../../src/admission/handler.ts'
import { encode } from '../../src/admission/patch.ts'
import { FUZZ_CASES } from '../support/fuzz.ts'
import { countingServer, review, unchanged } from '../support/server.ts'

const answering = (answer: Partial<AdmissionResponse>): Handler => {
  return () => ({ allowed: true, warnings: [], outcome: 'injected', ...answer })
}

async function respond(mutate: Handler) {
  const { server, answered } = countingServer(mutate)
  const { statusCode, payload } = await server.inject({
    method: 'POST',
    url: '/mutate/pods',
    payload: review(),
  })
  expect(statusCode).toBe(200)
  const body = JSON.parse(payload)
  expect(body).toMatchObject({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview' })
  return { response: body.response, answered }
}

describe('an answer on the wire', () => {
  test('a patch is base64 JSON under patchType JSONPatch', async () => {
    const patch = [{ op: 'add' as const, path: '/spec/shareProcessNamespace', value: 'déjà' }]
    const { response } = await respond(answering({ patch: encode(patch) }))
    expect(response).toMatchObject({ uid: review().request.uid, allowed: true, patchType: 'JSONPatch' })
    expect(JSON.parse(Buffer.from(response.patch, 'base64').toString())).toEqual(patch)
  })

  test('an empty patch is no patch', async () => {
    const { response } = await respond(answering({ patch: encode([]) }))
    expect(response).toEqual({ uid: review().request.uid, allowed: true })
  })

  test('a refusal is 422 Invalid with the message, and never carries a patch', async () => {
    const patch = encode([{ op: 'add', path: '/x', value: 1 }])
    const { response } = await respond(
      answering({ allowed: false, message: 'no [HR_X]', patch, outcome: 'denied' }),
    )
    expect(response).toEqual({
      uid: review().request.uid,
      allowed: false,
      status: { code: 422, reason: 'Invalid', message: 'no [HR_X]' },
    })
  })

  test('an answer that is awaited is the same answer', async () => {
    const { response } = await respond(async () => ({
      allowed: true,
      warnings: ['slow'],
      outcome: 'unchanged',
    }))
    expect(response).toEqual({ uid: review().request.uid, allowed: true, warnings: ['slow'] })
  })

  test('a handler’s error is reported, and the user gets a warning', async () => {
    const { response, answered } = await respond(() => Promise.reject(new TypeError('x is not a function')))
    expect(response.allowed).toBe(true)
    expect(response.warnings[0]).toContain(review().request.uid)
    expect(answered).toMatchObject([{ webhook: 'pods', error: { message: 'x is not a function' } }])
  })

  test('the handler gets the parsed object itself, with its operation, name and dry run', async () => {
    let seen: unknown
    const { server } = countingServer((request) => {
      seen = request
      return { allowed: true, warnings: [], outcome: 'unchanged' }
    })
    const body = {
      ...review(),
      request: { ...review().request, name: 'web', dryRun: true, operation: 'UPDATE' },
    }
    await server.inject({ method: 'POST', url: '/mutate/workloads', payload: body })
    expect(seen).toEqual({
      uid: body.request.uid,
      kind: body.request.kind,
      name: 'web',
      namespace: 'shop',
      operation: 'UPDATE',
      dryRun: true,
      object: body.request.object,
      oldObject: null,
    })
  })
})

test('no JSON at all makes a handler run on what is no review, or causes a 5xx', async () => {
  const { server, answered } = countingServer(unchanged)
  await fc.assert(
    fc.asyncProperty(fc.json(), async (payload) => {
      const headers = { 'content-type': 'application/json' }
      const { statusCode } = await server.inject({ method: 'POST', url: '/mutate/pods', payload, headers })
      expect(statusCode).toBe(400)
    }),
    { numRuns: FUZZ_CASES },
  )
  expect(answered).toEqual([])
})

test('a review with any one field replaced is refused or answered, never a 5xx', async () => {
  const { server } = countingServer(unchanged)
  const keys = Object.keys(review().request)
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...keys), fc.jsonValue(), async (key, value) => {
      const payload = { ...review(), request: { ...review().request, [key]: value } }
      const { statusCode } = await server.inject({ method: 'POST', url: '/mutate/pods', payload })
      expect([200, 400]).toContain(statusCode)
    }),
    { numRuns: FUZZ_CASES },
  )
})

describe('overload', () => {
  const limits = { inFlight: 2, memoryBytes: 1_000_000, smallBodyBytes: 10_000, lagMilliseconds: 100 }

  test('over the limit of requests in flight: 503 and Retry-After: 1; afterwards answers again', async () => {
    const gates: (() => void)[] = []
    const waiting: Handler = () =>
      new Promise((resolve) =>
        gates.push(() => resolve({ allowed: true, warnings: [], outcome: 'unchanged' })),
      )
    const { server, refused } = countingServer(waiting, { limits })
    const send = () => server.inject({ method: 'POST', url: '/mutate/pods', payload: review() })
    const begun = [send(), send()]
    await expect.poll(() => gates.length).toBe(2)
    const third = await send()
    expect(third.statusCode).toBe(503)
    expect(third.headers['retry-after']).toBe('1')
    expect(JSON.parse(third.payload)).toMatchObject({ code: 'HR_OVERLOADED' })
    expect(refused).toEqual(['HR_OVERLOADED'])
    for (const open of gates) open()
    expect((await Promise.all(begun)).map(({ statusCode }) => statusCode)).toEqual([200, 200])
    const fourth = send()
    await expect.poll(() => gates.length).toBe(3)
    gates[2]?.()
    expect((await fourth).statusCode).toBe(200)
  })

  test('while the event loop is late', async () => {
    let lag = 101
    const { server } = countingServer(unchanged, { limits, lag: () => lag })
    const send = () => server.inject({ method: 'POST', url: '/mutate/pods', payload: review() })
    expect((await send()).statusCode).toBe(503)
    lag = 100
    expect((await send()).statusCode).toBe(200)
  })

  test('one body larger than the limit still enters an idle server', async () => {
    const { server } = countingServer(unchanged, { limits: { ...limits, memoryBytes: 10 } })
    const { statusCode } = await server.inject({ method: 'POST', url: '/mutate/pods', payload: review() })
    expect(statusCode).toBe(200)
  })
})
