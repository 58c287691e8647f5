import { describe, expect, test } from 'vitest'
import { annotations, PREFIX } from '../../src/policy/annotations.ts'
import { builtInDefaults } from '../../src/policy/defaults.ts'
import { readPolicy, settingsOf } from '../../src/policy/policy.ts'
import { keys } from '../support/builders.ts'

const read = (short: Record<string, string>) => readPolicy(keys(short), builtInDefaults)

describe('reading annotations', () => {
  test('a suffix wins over the key for all', () => {
    const { policy, problems } = read({ signal: 'HUP', 'signal.web': 'USR1', 'subpath.web': 'copy' })
    expect(problems).toEqual([])
    expect(settingsOf(policy, 'web')).toEqual({ signal: 'SIGUSR1', subpath: 'copy' })
    expect(settingsOf(policy, 'api')).toEqual({ signal: 'SIGHUP' })
  })

  test('every mistake is reported, not only the first', () => {
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

  test('annotations of others, and those that hotreload writes, are not read', () => {
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
    [
      'zzz',
      'unknown annotation hotreload.dev/zzz; https://github.com/hotreload/hotreload/blob/main/docs/annotations.md lists them all',
    ],
    [
      'inject.web',
      'annotation hotreload.dev/inject.web can’t name a container; use hotreload.dev/inject alone',
    ],
    [
      '',
      'unknown annotation hotreload.dev/; https://github.com/hotreload/hotreload/blob/main/docs/annotations.md lists them all',
    ],
  ])('%j gets a warning', (key, warning) =>
    expect(read({ [key]: 'x' }).warnings).toEqual([warning.replace('’', "'")]),
  )

  test('a very long key takes no time', () => {
    const start = performance.now()
    expect(read({ ['x'.repeat(100_000)]: 'x' }).warnings).toHaveLength(1)
    expect(performance.now() - start).toBeLessThan(500)
  })

  test('no text of an annotation throws', () => {
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
