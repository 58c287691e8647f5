import { connect as connectTcp } from 'node:net'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Handler } from '../../src/admission/handler.ts'
import type { AdmissionServer } from '../../src/admission/server.ts'
import { countingServer, listen, review, tlsRequest, useTestCertificate } from '../support/server.ts'

/** A handler that trusts its input too much: it walks the whole object, and reads fields without checks. */
const careless: Handler = ({ object }) => {
  const walk = (value: object): void => {
    for (const child of Object.values(value)) if (typeof child === 'object' && child !== null) walk(child)
  }
  walk(Object(object))
  // What JSON.parse returns has no type, so nothing here is checked: as careless as it gets.
  const { metadata, spec } = JSON.parse(JSON.stringify(object))
  for (const container of spec.containers) container.name.trim()
  for (const value of Object.values<string>(metadata.annotations ?? {})) value.trim()
  return { allowed: true, warnings: [], outcome: 'unchanged' }
}

const nested = (depth: number, open = '[', close = ']') => open.repeat(depth) + close.repeat(depth)
const withMany = (item: string, times: number, open = '[', close = ']') =>
  json(review()).replace('"spec":', `"many":${open}${`${item},`.repeat(times)}${item}${close},"spec":`)
const json = (value: unknown) => JSON.stringify(value)
const withRequest = (change: Record<string, unknown>) =>
  json({ ...review(), request: { ...review().request, ...change } })
const pod = (change: Record<string, unknown>) =>
  withRequest({ object: { ...review().request.object, ...change } })

const refused: [what: string, body: string, names: string][] = [
  ['an empty body', '', 'body: empty'],
  ['spaces', '   ', 'body: '],
  ['a truncated review', json(review()).slice(0, -20), 'body: '],
  ['text after the review', `${json(review())}x`, 'body: '],
  ['YAML', 'kind: AdmissionReview\n', 'body: '],
  ['a byte order mark alone', '\ufeff', 'body: '],
  ['a NUL', '\0', 'body: '],
  ['null', 'null', 'body: null is not an object'],
  ['a number', '42', 'body: 42 is not an object'],
  ['a string', '"AdmissionReview"', 'body: "AdmissionReview" is not an object'],
  ['a list', '[]', 'body: a list is not an object'],
  ['nothing but nesting', nested(200), 'body: a list is not an object'],
  ['an unclosed nesting', '['.repeat(200), 'body: '],
  ['an empty object', '{}', 'apiVersion: undefined'],
  [
    'the review of an older API',
    json({ ...review(), apiVersion: 'admission.k8s.io/v1beta1' }),
    'apiVersion: "admission.k8s.io/v1beta1"',
  ],
  ['another kind', json({ ...review(), kind: 'Pod' }), 'kind: "Pod"'],
  ['no request', json({ ...review(), request: undefined }), 'request: undefined'],
  ['a null request', json({ ...review(), request: null }), 'request: null'],
  ['a list of requests', json({ ...review(), request: [review().request] }), 'request: a list'],
  [
    'a response instead of a request',
    json({ ...review(), request: undefined, response: { allowed: true } }),
    'request: undefined',
  ],
  ['no uid', withRequest({ uid: undefined }), 'request.uid: undefined'],
  ['an empty uid', withRequest({ uid: '' }), 'request.uid: ""'],
  ['a numeric uid', withRequest({ uid: 7 }), 'request.uid: 7'],
  [
    'a uid of 1 MB',
    withRequest({ uid: 'u'.repeat(1_000_000) }),
    'request.uid: a string of 1000000 characters',
  ],
  ['no kind', withRequest({ kind: undefined }), 'request.kind: undefined'],
  ['a kind as text', withRequest({ kind: 'Pod' }), 'request.kind: "Pod"'],
  [
    'a group that is a number',
    withRequest({ kind: { group: 1, version: 'v1', kind: 'Pod' } }),
    'request.kind.group: 1',
  ],
  ['no operation', withRequest({ operation: undefined }), 'request.operation: undefined'],
  ['an unknown operation', withRequest({ operation: 'PATCH' }), 'request.operation: "PATCH"'],
  ['an object that is text', withRequest({ object: 'a Pod' }), 'request.object: "a Pod"'],
  ['an object that is a list', withRequest({ object: [] }), 'request.object: a list'],
  ['an oldObject that is true', withRequest({ oldObject: true }), 'request.oldObject: true'],
  ['a namespace that is an object', withRequest({ namespace: {} }), 'request.namespace: an object'],
  ['a name that is a number', withRequest({ name: 3 }), 'request.name: 3'],
  [
    'a forged prototype for the envelope',
    '{"__proto__":{"apiVersion":"admission.k8s.io/v1"}}',
    'apiVersion: undefined',
  ],
]

const allowed: [what: string, body: string][] = [
  ['no object', withRequest({ object: null })],
  ['a null spec', pod({ spec: null })],
  ['a spec that is text', pod({ spec: 'none' })],
  ['no metadata', pod({ metadata: null })],
  ['containers that are null', pod({ spec: { containers: [null] } })],
  ['a container without a name', pod({ spec: { containers: [{}] } })],
  ['containers that are an object', pod({ spec: { containers: { 0: {} } } })],
  ['an annotation that is null', pod({ metadata: { annotations: { 'hotreload.dev/inject': null } } })],
]

/** Each has at most 6 MiB. In 384 MiB of memory the first three ended the process when bodies had 16 MiB. */
const excessive: [what: string, body: string, names: string][] = [
  ['empty objects', withMany('{}', 1_500_000), 'more than 250000 values'],
  ['empty lists', withMany('[]', 1_500_000), 'more than 250000 values'],
  ['nothing but opening brackets', '['.repeat(6_000_000), 'more than 256 objects'],
  ['keys', withMany('"k":0', 900_000, '{', '}'), 'more than 250000 values'],
  [
    'lists in each other',
    json(review()).replace('"spec":', `"deep":${nested(100_000)},"spec":`),
    'more than 256 objects',
  ],
  [
    'objects in each other',
    json(review()).replace('"spec":', `"deep":${nested(100_000, '{"a":', '}').replace('}', '1}')},"spec":`),
    'more than 256 objects',
  ],
  ['too much text', json({ ...review(), text: 'x'.repeat(6 * 1024 * 1024) }), 'over 6291456 bytes'],
]

const harmless: [what: string, body: string][] = [
  [
    '__proto__ in the annotations',
    json(review()).replace('"spec":', '"__proto__":{"polluted":true},"spec":'),
  ],
  ['constructor.prototype', pod({ constructor: { prototype: { polluted: true } } })],
  ['a forged status', pod({ status: { phase: 'Running', podIP: '127.0.0.1' } })],
  ['a response beside the request', json({ ...review(), response: { uid: 'x', allowed: false } })],
  ['the same key twice', json(review()).replace('"uid":', '"uid":"first","uid":')],
  ['lone surrogates', pod({ metadata: { annotations: { a: '\ud800' } } })],
]

describe('a malformed request', () => {
  const { server, answered } = countingServer(careless)
  afterAll(() => server.close())

  test.each(refused)('%s: 4xx, and the error names the wrong field', async (_what, body, names) => {
    const { statusCode, payload, headers } = await post(server, body)
    expect(statusCode).toBe(400)
    expect(headers['content-type']).toContain('application/json')
    const { code, message } = JSON.parse(payload)
    expect(code).toMatch(/^HR_/)
    expect(message).toContain(names)
    expect(message).toMatch(/; send an AdmissionReview .*\[HR_/)
    expect(message.length).toBeLessThan(400)
  })

  test.each(allowed)('%s: allowed with a warning and no patch', async (_what, body) => {
    const { statusCode, payload } = await post(server, body)
    expect(statusCode).toBe(200)
    const { response } = JSON.parse(payload)
    expect(response).toEqual({
      uid: review().request.uid,
      allowed: true,
      warnings: [expect.stringContaining('internal error')],
    })
    expect(answered.at(-1)?.answer.outcome).toBe('failed')
    expect(answered.at(-1)?.error).toBeInstanceOf(Error)
  })

  test.each(excessive)('%s: 413 before it is parsed', async (_what, body, names) => {
    const parse = vi.spyOn(JSON, 'parse')
    const { statusCode, payload } = await post(server, body)
    expect(parse).not.toHaveBeenCalled()
    parse.mockRestore()
    expect(statusCode).toBe(413)
    expect(JSON.parse(payload)).toMatchObject({
      code: 'HR_BODY_TOO_LARGE',
      message: expect.stringContaining(names),
    })
  })

  test.each([
    ['a megabyte of text', json({ ...review(), text: '[{,'.repeat(500_000) })],
    ['100,000 values', withMany('{}', 90_000)],
    ['a depth of 250', json(review()).replace('"spec":', `"deep":${nested(247)},"spec":`)],
  ])('%s: answered', async (_what, body) => {
    expect((await post(server, body)).statusCode).toBe(200)
  })

  test('Content-Encoding: gzip: 415', async () => {
    const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' }
    const { statusCode, payload } = await server.inject({
      method: 'POST',
      url: '/mutate/pods',
      payload: '{}',
      headers,
    })
    expect(statusCode).toBe(415)
    expect(JSON.parse(payload)).toMatchObject({ code: 'HR_BAD_CONTENT_TYPE' })
  })

  test('a URL that is none: our own error', async () => {
    const { statusCode, payload, headers } = await server.inject({ method: 'GET', url: '/%zz' })
    expect(statusCode).toBe(400)
    expect(headers['content-type']).toContain('application/json')
    expect(JSON.parse(payload)).toMatchObject({
      code: 'HR_BAD_HTTP',
      message: expect.stringContaining('[HR_BAD_HTTP]'),
    })
  })

  test.each(harmless)('%s: answered like any other', async (_what, body) => {
    const { statusCode, payload } = await post(server, body)
    expect(statusCode).toBe(200)
    expect(JSON.parse(payload).response).toEqual({ uid: review().request.uid, allowed: true })
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  })

  test.each([
    ['text/plain', 415],
    ['application/x-www-form-urlencoded', 415],
    ['application/json-patch+json', 415],
    ['not a type', 415],
  ])('Content-Type %s: %i', async (type, status) => {
    const { statusCode, payload } = await post(server, json(review()), type)
    expect(statusCode).toBe(status)
    expect(JSON.parse(payload).message).toContain('Content-Type')
  })

  test.each([
    ['GET', '/mutate/pods'],
    ['PUT', '/mutate/pods'],
    ['POST', '/mutate'],
    ['POST', '/mutate/pods/x'],
    ['POST', '/../../etc/passwd'],
    ['GET', '/metrics'],
  ] as const)('%s %s: 404 that names the entries', async (method, url) => {
    const { statusCode, payload } = await server.inject({ method, url })
    expect(statusCode).toBe(404)
    expect(JSON.parse(payload).message).toContain('/mutate/workloads')
  })
})

describe('over a real connection', () => {
  let server: AdmissionServer
  let port: number
  beforeAll(async () => {
    server = countingServer(careless).server
    await useTestCertificate(server)
    port = await listen(server)
  })
  afterAll(() => server.close())

  test('a body over 6 MiB is refused before it is read', async () => {
    const head = `POST /mutate/pods HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${6 * 1024 * 1024 + 1}\r\n\r\n{`
    expect(await tlsRequest(port, head)).toMatch(/^HTTP\/1\.1 413 .*HR_BODY_TOO_LARGE/s)
  })

  test.each([
    ['a request that is not HTTP', 'HELLO\r\n\r\n', /^HTTP\/1\.1 400 /],
    [
      'a negative length',
      'POST /mutate/pods HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n',
      /^HTTP\/1\.1 400 /,
    ],
    [
      'headers of 100 kB',
      `POST / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`,
      /^HTTP\/1\.1 4\d\d |^$/,
    ],
    [
      'two lengths',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
      /^HTTP\/1\.1 400 /,
    ],
  ])('%s: closed with a 4xx', async (_what, text, expected) => {
    expect(await tlsRequest(port, text)).toMatch(expected)
  })

  test('plain HTTP on the TLS port ends the connection, not the process', async () => {
    const socket = connectTcp(port, '127.0.0.1')
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await new Promise((resolve) => socket.once('close', resolve).once('error', resolve).resume())
    expect((await post(server, json(review()))).statusCode).toBe(200)
  })

  test('a client that disconnects in the middle of its body frees its place', async () => {
    const head =
      'POST /mutate/pods HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 6000000\r\n\r\n{'
    for (let i = 0; i < 20; i += 1) await tlsRequest(port, head, { leaveAfterMilliseconds: 5 })
    const text = json(review())
    const whole = `POST /mutate/pods HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${text.length}\r\n\r\n${text}`
    expect(await tlsRequest(port, whole)).toMatch(/^HTTP\/1\.1 200 /)
  })
})

test('memory stays bounded over thousands of malformed requests', async () => {
  const { server } = countingServer(careless, { keep: false })
  const bodies = [...refused.map(([, body]) => body), ...allowed.map(([, body]) => body)]
  const round = async () => {
    for (const body of bodies) await post(server, body)
    return process.memoryUsage().heapUsed
  }
  const peak = Math.max(...(await sequence(5, round)))
  const later = Math.min(...(await sequence(25, round)))
  expect(later).toBeLessThan(peak + 32 * 1024 * 1024)
  await server.close()
}, 60_000)

async function sequence<T>(times: number, run: () => Promise<T>): Promise<T[]> {
  const results: T[] = []
  for (let i = 0; i < times; i += 1) results.push(await run())
  return results
}

function post(server: AdmissionServer, payload: string, type = 'application/json') {
  return server.inject({ method: 'POST', url: '/mutate/pods', payload, headers: { 'content-type': type } })
}
