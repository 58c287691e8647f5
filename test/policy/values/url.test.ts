import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { healthUrl, type ReloadUrl, reloadUrl, withoutQueries } from '../../../src/policy/values/url.ts'
import { checkErrors } from '../../support/parser-errors.ts'

const KEY = 'hotreload.dev/key'

test.each([
  ['GET http://127.0.0.1:80/ok?token=a:b&c', 'GET http://127.0.0.1:80/ok'],
  [
    'GET http://[::1]:80/ok?token=x: answered 500; trying again',
    'GET http://[::1]:80/ok: answered 500; trying again',
  ],
  ['http://127.0.0.1?a=1 and https://127.0.0.1/?b=2', 'http://127.0.0.1 and https://127.0.0.1/'],
  ['is it http://127.0.0.1/ ? yes', 'is it http://127.0.0.1/ ? yes'],
  ['why? no URL', 'why? no URL'],
])('%j is shown without queries', (text, shown) => expect(withoutQueries(text)).toBe(shown))

describe('reloadUrl', () => {
  test.each([
    ['http://127.0.0.1:9090/-/reload', 'POST', 'http://127.0.0.1:9090/-/reload'],
    ['GET http://localhost:8080/reload', 'GET', 'http://localhost:8080/reload'],
    ['PUT   http://[::1]:1/', 'PUT', 'http://[::1]:1/'],
    ['http://127.0.0.1', 'POST', 'http://127.0.0.1/'],
    ['http://127.8.9.1:80/x?y=1#z', 'POST', 'http://127.8.9.1/x?y=1'],
    ['http://127.1:5/', 'POST', 'http://127.0.0.1:5/'],
  ])('%j is %s %s', (text, httpMethod, url) => expect(reloadUrl(KEY, text)).toEqual({ httpMethod, url }))

  test.each([
    '',
    'nginx',
    'https://127.0.0.1/',
    'file:///etc/passwd',
    'get http://127.0.0.1/',
    'TRACE http://127.0.0.1/',
    'POST  ',
    'http://127.0.0.1:99999/',
    'http://localhost:0/',
    'POST http://127.0.0.1/ x',
    'http://user@127.0.0.1/',
    'http://:secret@127.0.0.1/',
  ])('%j is not a URL to call', (text) => expect(() => reloadUrl(KEY, text)).toThrow('HR_BAD_URL'))

  test.each([
    'http://reload.shop.svc/-/reload',
    'http://10.0.0.1/',
    'http://169.254.169.254/latest/meta-data',
    'http://127.0.0.1.example.org/',
    'http://localhost.example.org/',
    'http://127.0.0.1@example.org/',
    'http://0.0.0.0/',
    'http://[::]/',
  ])('%j leaves the Pod', (text) => expect(() => reloadUrl(KEY, text)).toThrow('HR_URL_NOT_LOCAL'))

  test.each([
    ['https://127.0.0.1:8443/', 'TLS, which the agent does not speak'],
    ['http://user:pass@127.0.0.1:80/', 'a password, which the agent does not send'],
  ])('%j is refused with the way out', (url, what) =>
    expect(() => reloadUrl('hotreload.dev/url', url)).toThrow(
      `hotreload.dev/url: "${url}" needs ${what}; use hotreload.dev/command with an HTTP client of the app's image, e.g. curl [HR_BAD_URL]`,
    ),
  )

  test.each([
    'http://10.0.0.1/x?token=hunter2',
    'https://localhost/?token=hunter2',
    'GO http://localhost/?token=hunter2',
  ])('the error about %j does not show its query', (url) => {
    expect(() => reloadUrl(KEY, url)).toThrow(/localhost|10.0.0.1/)
    expect(() => reloadUrl(KEY, url)).not.toThrow(/hunter2/)
  })

  test('an error has the value and the remedy', () => {
    expect(() => reloadUrl('hotreload.dev/url', 'http://reload.shop.svc/-/reload')).toThrow(
      'hotreload.dev/url: "http://reload.shop.svc/-/reload" leaves the Pod; use http://127.0.0.1:PORT/PATH [HR_URL_NOT_LOCAL]',
    )
  })

  test('every error is a UserError', () =>
    expect(() =>
      checkErrors(reloadUrl, 'POST ', 'http://', '127.0.0.1', 'localhost', ':80', '/', '@', '[::1]', '\\'),
    ).not.toThrow())

  test('every result is a loopback URL that is parsed to itself', () => {
    const parts = fc.tuple(
      fc.constantFrom(
        '127.0.0.1',
        '127.1',
        '0x7f.0.0.1',
        'LOCALHOST',
        '[0:0::1]',
        'example.org',
        '127.0.0.1@a',
      ),
      fc.webPath(),
    )
    fc.assert(
      fc.property(parts, ([host, path]) => {
        let read: ReloadUrl
        try {
          read = reloadUrl(KEY, `http://${host}${path}`)
        } catch {
          return
        }
        expect(URL.parse(read.url)?.hostname).toMatch(/^(127\.\d+\.\d+\.\d+|localhost|\[::1\])$/)
        expect(reloadUrl(KEY, `${read.httpMethod} ${read.url}`)).toEqual(read)
      }),
    )
  })
})

describe('healthUrl', () => {
  test.each([
    ['http://127.0.0.1:8080/healthz', { httpMethod: 'GET', host: '127.0.0.1', port: 8080, path: '/healthz' }],
    ['http://localhost:80/', { httpMethod: 'GET', host: '127.0.0.1', port: 80, path: '/' }],
    ['POST http://[::1]:81/a?b=c#d', { httpMethod: 'POST', host: '::1', port: 81, path: '/a?b=c' }],
    ['http://127.0.0.1:8080', { httpMethod: 'GET', host: '127.0.0.1', port: 8080, path: '/' }],
  ])('%j is %j', (text, health) => expect(healthUrl(KEY, text)).toEqual(health))

  test.each(['http://127.0.0.1/healthz', 'http://localhost', 'http://[::1]/', 'http://127.0.0.1/a:1/'])(
    '%j names no port',
    (text) =>
      expect(() => healthUrl(KEY, text)).toThrow(
        `${KEY}: "${text}" names no port; use [METHOD ]http://127.0.0.1:PORT/PATH [HR_BAD_URL]`,
      ),
  )

  test.each([
    ['https://127.0.0.1:8443/', 'HR_BAD_URL'],
    ['/healthz', 'HR_BAD_URL'],
    ['http://web:8080/healthz', 'HR_URL_NOT_LOCAL'],
    ['http://10.0.0.1:8080/healthz', 'HR_URL_NOT_LOCAL'],
  ])('%j is refused', (text, code) => expect(() => healthUrl(KEY, text)).toThrow(code))

  test('every error is a UserError', () =>
    expect(() =>
      checkErrors(healthUrl, 'GET ', 'http://', '127.0.0.1', 'localhost', ':80', '/', '@', '[::1]'),
    ).not.toThrow())
})
