import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { UserError } from '../../../src/errors.ts'
import * as parse from '../../../src/policy/values/parse.ts'
import { FUZZ_CASES } from '../../support/fuzz.ts'

const KEY = 'hotreload.dev/key'

/** Text that is near what a parser takes, so that a property meets more than the first refusal. */
const textNear = (...tokens: string[]) =>
  fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc
      .array(fc.oneof(fc.constantFrom(...tokens), fc.string({ maxLength: 3 })))
      .map((parts) => parts.join('')),
  )

/** Throws where a parser throws what is not a UserError with a sentence fit to print. */
function checkErrors(parser: (key: string, value: string) => unknown, ...tokens: string[]) {
  fc.assert(
    fc.property(textNear(...tokens), (text) => {
      try {
        parser(KEY, text)
      } catch (error) {
        expect(error).toBeInstanceOf(UserError)
        const { message, remedy } = error as UserError
        expect(message).toContain(KEY)
        expect(remedy).not.toBe('')
        // A value that somebody else wrote is printed on a terminal.
        expect(message).not.toMatch(/\p{Cc}/u)
        expect(message.length).toBeLessThan(400)
      }
    }),
    { numRuns: FUZZ_CASES },
  )
}

describe('signalName', () => {
  test.each([
    ['SIGHUP', 'SIGHUP'],
    ['HUP', 'SIGHUP'],
    ['sighup', 'SIGHUP'],
    ['hup', 'SIGHUP'],
    ['1', 'SIGHUP'],
    [' USR2 ', 'SIGUSR2'],
    ['10', 'SIGUSR1'],
    ['12', 'SIGUSR2'],
    ['15', 'SIGTERM'],
    ['28', 'SIGWINCH'],
    ['31', 'SIGSYS'],
  ])('%j is %s', (text, name) => expect(parse.signalName(KEY, text)).toBe(name))

  test.each([
    '',
    '0',
    '32',
    '-1',
    '1.5',
    'HUPP',
    'SIG',
    'SIGSIGHUP',
    '-',
    'HUP INT',
    '9',
    'KILL',
    'SIGSTOP',
    '19',
  ])('%j is refused', (text) => expect(() => parse.signalName(KEY, text)).toThrow('HR_BAD_SIGNAL'))

  test('an error has the value and the remedy', () => {
    expect(() => parse.signalName('hotreload.dev/signal', 'HUPP')).toThrow(
      'hotreload.dev/signal: "HUPP" is not a signal; use a name such as SIGHUP or a number from 1 to 31 [HR_BAD_SIGNAL]',
    )
  })

  test('every error is a UserError', () =>
    expect(() => checkErrors(parse.signalName, 'SIG', 'HUP', '1', ' ')).not.toThrow())

  test('a parsed name is parsed to itself', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 31 }), (number) => {
        fc.pre(number !== 9 && number !== 19)
        const name = parse.signalName(KEY, String(number))
        expect(parse.signalName(KEY, name)).toBe(name)
      }),
    )
  })
})

describe('boolean and oneOf', () => {
  test('accept their words with blanks around', () => {
    expect(parse.boolean(KEY, 'true')).toBe(true)
    expect(parse.boolean(KEY, ' false\n')).toBe(false)
    expect(parse.oneOf('auto', 'copy')(KEY, 'copy')).toBe('copy')
  })

  test.each(['True', 'yes', '1', ''])('%j is not a boolean', (text) =>
    expect(() => parse.boolean(KEY, text)).toThrow(
      `${KEY}: "${text}" is not one of its values; use true or false [HR_BAD_VALUE]`,
    ),
  )
})

describe('assignments', () => {
  const ways = parse.assignments('none', 'rollout')
  test('are pairs of a name and a word', () => {
    expect([...ways(KEY, 'a=none, b.c-1 = rollout')]).toEqual([
      ['a', 'none'],
      ['b.c-1', 'rollout'],
    ])
  })

  test.each([
    ['', `${KEY}: "" is not NAME=none; use pairs separated by commas, e.g. conf=none [HR_BAD_VALUE]`],
    ['a', `${KEY}: "a" is not NAME=none;`],
    ['a=none,', `${KEY}: "" is not NAME=none;`],
    ['A=none', `${KEY}: "A=none" is not NAME=none;`],
    ['a=none,a=rollout', `${KEY}: it names "a" twice;`],
    ['a=restart', `${KEY}: a: "restart" is not one of its values; use none or rollout [HR_BAD_VALUE]`],
    ['a=', `${KEY}: a: "" is not one of its values;`],
  ])('%j is refused', (text, message) => expect(() => ways(KEY, text)).toThrow(message))
})

describe('names', () => {
  test.each([
    ['web', ['web']],
    ['web,api', ['web', 'api']],
    [' web , api ,', ['web', 'api']],
    ['web,web', ['web']],
    ['a.b-c', ['a.b-c']],
  ])('%j is %j', (text, names) => expect(parse.names(KEY, text)).toEqual(names))

  test.each(['', ' , ', 'Web', 'web api', '-web', 'web;api', 'web/1'])('%j is refused', (text) =>
    expect(() => parse.names(KEY, text)).toThrow('HR_BAD_NAME'),
  )
})

describe('commandName', () => {
  test.each(['nginx', 'php-fpm8.2', 'nats-server', 'my_init'])('%j is a name', (text) =>
    expect(parse.commandName(KEY, ` ${text} `)).toBe(text),
  )

  test.each(['', '/usr/sbin/nginx', 'nginx -g', 'a\0b'])('%j is refused', (text) =>
    expect(() => parse.commandName(KEY, text)).toThrow('HR_BAD_PROCESS'),
  )
})

describe('reloadUrl', () => {
  test.each([
    ['http://127.0.0.1:9090/-/reload', 'POST', 'http://127.0.0.1:9090/-/reload'],
    ['GET http://localhost:8080/reload', 'GET', 'http://localhost:8080/reload'],
    ['PUT   http://[::1]:1/', 'PUT', 'http://[::1]:1/'],
    ['http://127.0.0.1', 'POST', 'http://127.0.0.1/'],
    ['http://127.8.9.1:80/x?y=1#z', 'POST', 'http://127.8.9.1/x?y=1'],
    ['http://127.1:5/', 'POST', 'http://127.0.0.1:5/'],
  ])('%j is %s %s', (text, httpMethod, url) =>
    expect(parse.reloadUrl(KEY, text)).toEqual({ httpMethod, url }),
  )

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
  ])('%j is not a URL to call', (text) => expect(() => parse.reloadUrl(KEY, text)).toThrow('HR_BAD_URL'))

  test.each([
    'http://reload.shop.svc/-/reload',
    'http://10.0.0.1/',
    'http://169.254.169.254/latest/meta-data',
    'http://127.0.0.1.example.org/',
    'http://localhost.example.org/',
    'http://127.0.0.1@example.org/',
    'http://0.0.0.0/',
    'http://[::]/',
  ])('%j leaves the Pod', (text) => expect(() => parse.reloadUrl(KEY, text)).toThrow('HR_URL_NOT_LOCAL'))

  test.each([
    ['https://127.0.0.1:8443/', 'TLS, which the agent does not speak'],
    ['http://user:pass@127.0.0.1:80/', 'a password, which the agent does not send'],
  ])('%j is refused with the way out', (url, what) =>
    expect(() => parse.reloadUrl('hotreload.dev/url', url)).toThrow(
      `hotreload.dev/url: "${url}" needs ${what}; use hotreload.dev/command with an HTTP client of the app's image, e.g. curl [HR_BAD_URL]`,
    ),
  )

  test('an error has the value and the remedy', () => {
    expect(() => parse.reloadUrl('hotreload.dev/url', 'http://reload.shop.svc/-/reload')).toThrow(
      'hotreload.dev/url: "http://reload.shop.svc/-/reload" leaves the Pod; use http://127.0.0.1:PORT/PATH [HR_URL_NOT_LOCAL]',
    )
  })

  test('every error is a UserError', () =>
    expect(() =>
      checkErrors(
        parse.reloadUrl,
        'POST ',
        'http://',
        '127.0.0.1',
        'localhost',
        ':80',
        '/',
        '@',
        '[::1]',
        '\\',
      ),
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
        let read: parse.ReloadUrl
        try {
          read = parse.reloadUrl(KEY, `http://${host}${path}`)
        } catch {
          return
        }
        expect(URL.parse(read.url)?.hostname).toMatch(/^(127\.\d+\.\d+\.\d+|localhost|\[::1\])$/)
        expect(parse.reloadUrl(KEY, `${read.httpMethod} ${read.url}`)).toEqual(read)
      }),
    )
  })
})

describe('argv', () => {
  test.each([
    ['nginx -t', ['nginx', '-t']],
    ['  nginx   -t  ', ['nginx', '-t']],
    ['["nginx","-t"]', ['nginx', '-t']],
    ['sh -c "a b"', ['sh', '-c', 'a b']],
    [`sh -c 'echo "x"'`, ['sh', '-c', 'echo "x"']],
    ['a$HOME|b;c', ['a$HOME|b;c']],
    [`a'b c'"d e"`, ['ab cd e']],
    [`true ''`, ['true', '']],
    ['["a",""]', ['a', '']],
  ])('%j is %j', (text, words) => expect(parse.argv(KEY, text)).toEqual(words))

  test.each(['', '  ', '[]', '[1]', '["a"', '[["a"]]', `''`, '[""]', `sh -c 'a`, 'sh "', '["a\\u0000"]'])(
    '%j is refused',
    (text) => expect(() => parse.argv(KEY, text)).toThrow('HR_BAD_COMMAND'),
  )

  test('every error is a UserError', () =>
    expect(() => checkErrors(parse.argv, '"', "'", ' ', '[', ']', ',', '"a"', '\n')).not.toThrow())

  test('a JSON array is parsed to itself', () => {
    const word = fc.string().filter((text) => !text.includes('\0'))
    fc.assert(
      fc.property(fc.array(word, { minLength: 1 }), (words) => {
        fc.pre(words[0] !== '')
        expect(parse.argv(KEY, JSON.stringify(words))).toEqual(words)
      }),
    )
  })

  test('100,000 quotes take linear time', () => {
    const start = performance.now()
    expect(() => parse.argv(KEY, `${`'"`.repeat(50_000)}'`)).toThrow('HR_BAD_COMMAND')
    expect(performance.now() - start).toBeLessThan(1_000)
  })
})

describe('duration, in seconds', () => {
  test.each([
    ['0', 0],
    ['0s', 0],
    ['60s', 60],
    ['1m30s', 90],
    ['500ms', 0.5],
    ['1.5h', 5400],
    [' 2m ', 120],
  ])('%j is %d', (text, seconds) => expect(parse.duration(KEY, text)).toBe(seconds))

  test.each(['', '60', '-1s', '1d', 's', '1 m', '1e3s'])('%j is refused', (text) =>
    expect(() => parse.duration(KEY, text)).toThrow('HR_BAD_DURATION'),
  )
})

describe('count', () => {
  test('accepts whole numbers from 1', () => expect(parse.count(KEY, ' 12 ')).toBe(12))

  test.each(['0', '-1', '1.5', '', '1e3', '01', '9999999'])('%j is refused', (text) =>
    expect(() => parse.count(KEY, text)).toThrow('HR_BAD_NUMBER'),
  )
})

describe('resources', () => {
  test('accepts quantities as text or numbers', () => {
    expect(
      parse.resources(KEY, '{"requests":{"cpu":0.1,"memory":"8Mi"},"limits":{"memory":16777216}}'),
    ).toEqual({
      requests: { cpu: '0.1', memory: '8Mi' },
      limits: { memory: '16777216' },
    })
    expect(parse.resources(KEY, '{}')).toEqual({})
  })

  test.each([
    ['16Mi', '"16Mi" is not JSON'],
    ['[]', 'is not an object'],
    ['null', 'is not an object'],
    ['{"request":{}}', 'field "request" is not requests or limits'],
    ['{"limits":[]}', 'field "limits" is not requests or limits'],
    ['{"limits":{"memory":"16 MB"}}', 'limits.memory "16 MB" is not a quantity'],
    ['{"limits":{"memory":null}}', 'limits.memory "null" is not a quantity'],
    ['{"limits":{"cpu":-1}}', 'limits.cpu "-1" is not a quantity'],
    ['{"limits":{"cpu":"1e3Mi"}}', 'limits.cpu "1e3Mi" is not a quantity'],
  ])('%s: %s', (text, problem) => {
    expect(() => parse.resources(KEY, text)).toThrow(problem)
    expect(() => parse.resources(KEY, text)).toThrow('HR_BAD_RESOURCES')
  })

  // Each of them let the workload through and had the API server, or the runtime, refuse every Pod of it.
  test.each([
    ['{"limits":{"foo":"1"}}', 'limits."foo" is not cpu, memory or ephemeral-storage'],
    ['{"limits":{"__proto__":"1"}}', 'limits."__proto__" is not cpu, memory or ephemeral-storage'],
    ['{"requests":{"nvidia.com/gpu":"0.5"}}', 'requests."nvidia.com/gpu" is not cpu'],
    [
      '{"requests":{"memory":"32Mi"},"limits":{"memory":"16Mi"}}',
      'requests.memory "32Mi" is more than limits.memory "16Mi"',
    ],
    ['{"requests":{"cpu":1},"limits":{"cpu":"100m"}}', 'requests.cpu "1" is more than limits.cpu "100m"'],
    ['{"limits":{"memory":"2Mi"}}', 'limits.memory "2Mi" is too little for a container to start with'],
  ])('%s: %s', (text, problem) => {
    expect(() => parse.resources(KEY, text)).toThrow(problem)
    expect(() => parse.resources(KEY, text)).toThrow('HR_BAD_RESOURCES')
  })

  test('accepts a request as large as its limit, and one without a limit', () =>
    expect(
      parse.resources(KEY, '{"requests":{"cpu":"1","memory":"6M"},"limits":{"memory":6000000}}'),
    ).toEqual({ requests: { cpu: '1', memory: '6M' }, limits: { memory: '6000000' } }))

  test('every error is a UserError', () =>
    expect(() =>
      checkErrors(parse.resources, '{', '}', '"limits"', ':', '"cpu"', '1', '"16Mi"', ',', 'null'),
    ).not.toThrow())
})

describe('shown', () => {
  test('a long value is cut, and control characters are replaced', () => {
    expect(parse.shown('a\u001b[31mb')).toBe('"a\ufffd[31mb"')
    expect(parse.shown('x'.repeat(100))).toBe(`"${'x'.repeat(57)}…"`)
  })
})
