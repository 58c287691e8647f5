import { describe, expect, test } from 'vitest'
import { defaultTemplate } from '../../src/alerts/sink.ts'
import { builtInDefaults } from '../../src/policy/defaults.ts'
import { readPolicy } from '../../src/policy/policy.ts'
import { parseDefaults } from '../../src/policy/policy-file.ts'
import { keys } from '../support/builders.ts'

describe('the policy file', () => {
  test('its defaults hold where a workload has no annotation of its own', () => {
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

  test('its values may be objects', () =>
    expect(parseDefaults('defaults: { resources: { limits: { memory: 32Mi } } }').annotations).toEqual(
      keys({ resources: '{"limits":{"memory":"32Mi"}}' }),
    ))

  test('it sets the timeout of commands and the receivers of alerts', () => {
    const { timeoutSeconds, alertSinks } = parseDefaults(
      'timeout: 1m30s\nalerts: [{ url: "https://example.com/a" }, { url: "http://example.com/b", template: "[]" }]\n',
    )
    expect(timeoutSeconds).toBe(90)
    expect(alertSinks.map(({ url, template }) => [url.href, template])).toEqual([
      ['https://example.com/a', defaultTemplate],
      ['http://example.com/b', '[]'],
    ])
  })

  test('an error does not show the URL of an alert, which may hold a token', () =>
    expect(() => parseDefaults('alerts: [{ url: "httpx://example.com/token" }]')).toThrow(
      /^policy file: alerts\[0\]\.url is not a URL; use https:\/\/… \[HR_BAD_POLICY\]$/,
    ))

  test.each([
    ['a: [', 'policy file: not YAML'],
    [
      'a: {b: c',
      ' at line 1, column 9; https://github.com/hotreload/hotreload/blob/main/docs/policy.md shows',
    ],
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
    [
      'defaults: { volume-reload: conf=none }',
      'defaults.volume-reload is not an annotation that can have a default',
    ],
    ['defaults: { inject: "true" }', 'defaults.inject is not an annotation that can have a default'],
    ['defaults: { signal: HUPP }', '"HUPP" is not a signal'],
    ['defaults: { env: null }', 'policy file: defaults.env: "null" is not one of its values'],
  ])('%j is refused: %s', (text, problem) => expect(() => parseDefaults(text)).toThrow(problem))
})
