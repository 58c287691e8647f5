import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as parse from '../../../src/policy/values/parse.ts'
import { checkErrors } from '../../support/parser-errors.ts'

const KEY = 'hotreload.dev/key'

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

describe('bake', () => {
  test.each([
    ['0s', 0],
    ['60s', 60],
    ['1h', 3_600],
  ])('%j is %d seconds', (text, seconds) => expect(parse.bake(KEY, text)).toBe(seconds))

  test.each([
    ['61m', '"61m" is more than an hour; use 1s to 1h, or 0s for no trial [HR_BAD_DURATION]'],
    ['0.4ms', '"0.4ms" is less than a second; use 1s to 1h, or 0s for no trial [HR_BAD_DURATION]'],
    ['soon', 'HR_BAD_DURATION'],
  ])('%j is refused', (text, message) => expect(() => parse.bake(KEY, text)).toThrow(message))
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
