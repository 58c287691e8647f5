import { describe, expect, test } from 'vitest'
import { defaultTemplate } from '../../src/alerts/sink.ts'
import { annotations, inTemplate, PREFIX, parseKey, written } from '../../src/policy/annotations.ts'
import { builtInDefaults } from '../../src/policy/defaults.ts'
import { readPolicy, settingsOf } from '../../src/policy/policy.ts'
import { parseDefaults } from '../../src/policy/policy-file.ts'
import { keys } from '../support/builders.ts'

const read = (short: Record<string, string>) => readPolicy(keys(short), builtInDefaults)

describe('keys', () => {
  test.each([
    ['hotreload.dev/signal', { name: 'signal' }],
    ['hotreload.dev/signal.web', { name: 'signal', container: 'web' }],
    ['hotreload.dev/inject.web', undefined],
    ['hotreload.dev/signal.', undefined],
    ['hotreload.dev/signal.a.b', undefined],
    ['hotreload.dev/toString', undefined],
    ['hotreload.dev/', undefined],
  ])('%s', (key, parsed) => expect(parseKey(key)).toEqual(parsed))

  test.each([
    ['hotreload.dev/inject', true],
    ['hotreload.dev/signal.web', true],
    ['hotreload.dev/pause', false],
    ['hotreload.dev/checksum', false],
    ['hotreload.dev/singal', false],
    ['example.org/inject', false],
  ])('whether %s belongs in the pod template: %s', (key, does) => expect(inTemplate(key)).toBe(does))

  test('no key that is written is also read', () =>
    expect(Object.keys(written).filter((key) => Object.hasOwn(annotations, key))).toEqual([]))
})

describe('reading annotations', () => {
  test('a suffix wins over the key for all', () => {
    const { policy, problems } = read({ signal: 'HUP', 'signal.web': 'USR1', 'subpath.web': 'copy' })
    expect(problems).toEqual([])
    expect(settingsOf(policy, 'web')).toEqual({ signal: 'SIGUSR1', subpath: 'copy' })
    expect(settingsOf(policy, 'api')).toEqual({ signal: 'SIGHUP' })
  })

  test('every mistake is found, not only the first', () => {
    const { problems } = read({
      inject: 'yes',
      signal: 'HUPP',
      'reload.web': 'hup',
      url: 'http://x/',
      preset: 'ngnix',
    })
    expect(problems.map(({ code }) => code)).toEqual([
      'HR_BAD_VALUE',
      'HR_BAD_SIGNAL',
      'HR_BAD_VALUE',
      'HR_URL_NOT_LOCAL',
      'HR_UNKNOWN_PRESET',
    ])
  })

  test('what others wrote, and what we write, is not read', () => {
    const reading = readPolicy(
      { 'example.org/x': 'y', ...keys({ status: '{', checksum: 'x', mirrored: 'x', nudge: 'x' }) },
      builtInDefaults,
    )
    expect(reading).toEqual({ policy: { shared: {}, byContainer: new Map() }, problems: [], warnings: [] })
  })

  test.each([
    ['singal', 'unknown annotation hotreload.dev/singal; did you mean hotreload.dev/signal?'],
    ['singal.web', 'unknown annotation hotreload.dev/singal.web; did you mean hotreload.dev/signal.web?'],
    ['Inject', 'unknown annotation hotreload.dev/Inject; did you mean hotreload.dev/inject?'],
    ['sub-path', 'unknown annotation hotreload.dev/sub-path; did you mean hotreload.dev/subpath?'],
    ['reloads', 'unknown annotation hotreload.dev/reloads; did you mean hotreload.dev/reload?'],
    ['zzz', 'unknown annotation hotreload.dev/zzz; docs/annotations.md lists them all'],
    [
      'inject.web',
      'annotation hotreload.dev/inject.web can’t name a container; use hotreload.dev/inject alone',
    ],
    ['', 'unknown annotation hotreload.dev/; docs/annotations.md lists them all'],
  ])('%j gets a warning', (key, warning) =>
    expect(read({ [key]: 'x' }).warnings).toEqual([warning.replace('’', "'")]),
  )

  test('a very long key is no work', () => {
    const start = performance.now()
    expect(read({ ['x'.repeat(100_000)]: 'x' }).warnings).toHaveLength(1)
    expect(performance.now() - start).toBeLessThan(500)
  })

  test('no annotation of any text throws', () => {
    for (const name of Object.keys(annotations))
      for (const text of [
        '',
        ' ',
        '\0',
        '\u001b[2J',
        '{',
        '[',
        '"',
        'x'.repeat(10_000),
        '__proto__',
        '-1',
        'null',
      ])
        expect(() =>
          readPolicy({ [PREFIX + name]: text, [`${PREFIX}${name}.web`]: text }, builtInDefaults),
        ).not.toThrow()
  })
})

describe('the policy file', () => {
  test('its defaults are below a workload’s own annotations', () => {
    const defaults = parseDefaults(
      'defaults: { subpath: copy, env: ignore }\nexcludedContainers: [my-sidecar]\n',
    )
    expect(readPolicy(keys({ subpath: 'keep' }), defaults).policy.shared).toEqual({
      subpath: 'keep',
      env: 'ignore',
    })
    expect(defaults.excludedContainers).toContain('my-sidecar')
    expect(defaults.excludedContainers).toContain('istio-proxy')
  })

  test.each(['', '# nothing\n', '{}', '{"defaults":{},"excludedContainers":[]}'])(
    '%j changes nothing',
    (text) => expect(parseDefaults(text)).toEqual(builtInDefaults),
  )

  test('values need not be text', () =>
    expect(parseDefaults('defaults: { resources: { limits: { memory: 32Mi } } }').annotations).toEqual(
      keys({ resources: '{"limits":{"memory":"32Mi"}}' }),
    ))

  test('it names the time that commands have, and who is told', () => {
    const { timeoutSeconds, alertSinks } = parseDefaults(
      'timeout: 1m30s\nalerts: [{ url: "https://example.com/a" }, { url: "http://example.com/b", template: "[]" }]\n',
    )
    expect(timeoutSeconds).toBe(90)
    expect(alertSinks.map(({ url, template }) => [url.href, template])).toEqual([
      ['https://example.com/a', defaultTemplate],
      ['http://example.com/b', '[]'],
    ])
  })

  test('a mistake in the URL of an alert does not show it: it may hold a token', () =>
    expect(() => parseDefaults('alerts: [{ url: "httpx://example.com/token" }]')).toThrow(
      /^policy file: alerts\[0\]\.url is not a URL; use https:\/\/… \[HR_BAD_POLICY\]$/,
    ))

  test.each([
    ['a: [', 'policy file: not YAML'],
    ['a: {b: c', ' at line 1, column 9; docs/policy.md shows'],
    ['- a', 'policy file: not a mapping'],
    ['text', 'policy file: not a mapping'],
    ['default: {}', 'policy file: unknown field "default"'],
    ['excludedContainers: web', 'policy file: excludedContainers is not a list of names'],
    ['excludedContainers: [1]', 'policy file: excludedContainers is not a list of names'],
    ['excludedContainers: [web, Not_A]', 'policy file: excludedContainers: "Not_A" is not a name'],
    ['timeout: soon', 'policy file: timeout: "soon" is not a duration'],
    ['timeout: 0s', 'policy file: timeout: 0s leaves no time at all'],
    ['alerts: https://example.com', 'policy file: alerts is not a list'],
    ['alerts: [https://example.com]', 'policy file: alerts[0] is not a mapping'],
    ['alerts: [{ uri: a }]', 'policy file: alerts[0]: unknown field "uri"'],
    ['alerts: [{ url: "https://a", template: {} }]', 'policy file: alerts[0].template is not text'],
    ['alerts: [{ url: "https://a", template: "{" }]', 'policy file: alert template: not JSON'],
    ['defaults: copy', 'policy file: defaults is not a mapping'],
    ['defaults: [copy]', 'policy file: defaults is not a mapping'],
    ['defaults: { hotreload.dev/subpath: copy }', 'leave out the prefix hotreload.dev/'],
    ['defaults: { subpat: copy }', 'defaults.subpat is not an annotation that can have a default'],
    ['defaults: { inject: "true" }', 'defaults.inject is not an annotation that can have a default'],
    ['defaults: { signal: HUPP }', '"HUPP" is not a signal'],
    ['defaults: { env: null }', 'policy file: defaults.env: "null" is not one of its values'],
  ])('%j is refused: %s', (text, problem) => expect(() => parseDefaults(text)).toThrow(problem))
})
