import { describe, expect, test } from 'vitest'
import { reloader } from '../../../src/compat/reloader/reloader.ts'
import { type CompatOptions, defaultCompatOptions } from '../../../src/compat/request/options.ts'
import type { ApiObject } from '../../../src/workload/pod-template.ts'
import { chosen, workload } from '../workload.ts'

describe('which sources Reloader’s annotations mean', () => {
  const r = 'reloader.stakater.com'
  type Row = [string, Record<string, string>, Record<string, string>, string[] | undefined]
  const rows: Row[] = [
    ['nothing asked', {}, {}, undefined],
    ['auto', { [`${r}/auto`]: 'true' }, {}, ['Secret/db', 'ConfigMap/conf']],
    ['auto in Go’s words', { [`${r}/auto`]: 'T' }, {}, ['Secret/db', 'ConfigMap/conf']],
    ['auto in words that are none', { [`${r}/auto`]: 'yes' }, {}, []],
    ['auto off', { [`${r}/auto`]: 'false' }, {}, undefined],
    ['auto of one kind', { [`configmap.${r}/auto`]: 'true' }, {}, ['ConfigMap/conf']],
    ['auto of one kind or all', { [`secret.${r}/auto`]: 'true', [`${r}/auto`]: 'false' }, {}, ['Secret/db']],
    ['a name that is not used', { [`configmap.${r}/reload`]: 'other' }, {}, ['ConfigMap/other']],
    [
      'names and patterns for the whole name',
      { [`configmap.${r}/reload`]: 'db, con.*,x' },
      {},
      ['ConfigMap/db', 'ConfigMap/x', 'ConfigMap/conf', 'ConfigMap/conf-a'],
    ],
    ['a pattern does not match a part', { [`configmap.${r}/reload`]: '.onf' }, {}, ['ConfigMap/conf']],
    [
      'a list is not vetoed by auto: false',
      { [`${r}/auto`]: 'false', [`secret.${r}/reload`]: 'db' },
      {},
      ['Secret/db'],
    ],
    ['search', { [`${r}/search`]: 'true' }, {}, ['Secret/db?', 'ConfigMap/conf?']],
    [
      'exclude wins over auto',
      { [`${r}/auto`]: 'true', [`configmaps.exclude.${r}/reload`]: 'conf' },
      {},
      ['Secret/db'],
    ],
    [
      'exclude wins over a list',
      { [`configmap.${r}/reload`]: 'conf,other', [`configmaps.exclude.${r}/reload`]: 'other' },
      {},
      ['ConfigMap/conf'],
    ],
    [
      'exclude of Secrets',
      { [`${r}/auto`]: 'true', [`secrets.exclude.${r}/reload`]: 'db' },
      {},
      ['ConfigMap/conf'],
    ],
    [
      'the template’s where the metadata has none',
      {},
      { [`${r}/auto`]: 'true' },
      ['Secret/db', 'ConfigMap/conf'],
    ],
    [
      'all or nothing: the metadata’s auto hides the template’s list',
      { [`${r}/auto`]: 'false' },
      { [`configmap.${r}/reload`]: 'conf' },
      undefined,
    ],
    [
      'per type: a metadata list of Secrets leaves the template’s of ConfigMaps',
      { [`secret.${r}/reload`]: 'db' },
      { [`configmap.${r}/reload`]: 'conf' },
      ['ConfigMap/conf', 'Secret/db'],
    ],
  ]
  test.each(rows)('%s', (_name, metadata, template, expected) => {
    expect(chosen(reloader.read(workload(metadata, template), defaultCompatOptions))).toEqual(expected)
  })

  const flags: [string, Partial<CompatOptions>, Record<string, string>, string[] | undefined][] = [
    ['--auto-reload-all', { autoReloadAll: true }, {}, ['Secret/db', 'ConfigMap/conf']],
    ['--auto-reload-all and auto: false', { autoReloadAll: true }, { [`${r}/auto`]: 'false' }, undefined],
    [
      '--resources-to-ignore=secrets',
      { ignoredKinds: new Set(['Secret' as const]) },
      { [`${r}/auto`]: 'true' },
      ['ConfigMap/conf'],
    ],
    [
      '--enable-csi-integration',
      { csi: true },
      { [`${r}/auto`]: 'true' },
      ['Secret/db', 'ConfigMap/conf', 'SecretProviderClass/vault'],
    ],
    [
      '--enable-csi-integration by kind',
      { csi: true },
      { [`secretproviderclass.${r}/auto`]: 'true' },
      ['SecretProviderClass/vault'],
    ],
    [
      '--enable-csi-integration by name',
      { csi: true },
      { [`secretproviderclass.${r}/reload`]: 'va.*' },
      ['SecretProviderClass/vault'],
    ],
    [
      '--enable-csi-integration, excluded',
      { csi: true },
      { [`${r}/auto`]: 'true', [`secretproviderclasses.exclude.${r}/reload`]: 'vault' },
      ['Secret/db', 'ConfigMap/conf'],
    ],
  ]
  test.each(flags)('%s', (_name, options, metadata, expected) => {
    expect(chosen(reloader.read(workload(metadata), { ...defaultCompatOptions, ...options }))).toEqual(
      expected,
    )
  })

  test.each([
    ['[', 'missing closing ]: `[$`'],
    ['a(?=b)', 'invalid or unsupported Perl syntax: `(?=`'],
    ['(a)\\1', 'invalid escape sequence: `\\1`'],
    ['a'.repeat(99) + '.'.repeat(155), 'longer than 253 characters'],
  ])('%s is reported and left out', (item, reason) => {
    const request = reloader.read(
      workload({ [`configmap.${r}/reload`]: `${item},conf` }),
      defaultCompatOptions,
    )
    expect(chosen(request)).toEqual(['ConfigMap/conf'])
    const shown = item.length > 100 ? `${item.slice(0, 100)}…` : item
    expect(request?.problems).toEqual([
      `configmap.${r}/reload: "${shown}" can't be used as a regular expression (${reason}), and is left out`,
    ])
  })

  test('patterns beyond what one annotation may cost are reported and left out', () => {
    const items = ['other', ...Array.from({ length: 300 }, (_, index) => `con.*${index}`), 'db']
    const request = reloader.read(
      workload({ [`configmap.${r}/reload`]: items.join(',') }),
      defaultCompatOptions,
    )
    expect(request?.lists.get('ConfigMap')?.length).toBeGreaterThan(80)
    expect(request?.problems).toEqual([
      expect.stringMatching(
        /: too many or too large regular expressions; "con\.\*\d+" and all after it are left out$/,
      ),
    ])
    const large = reloader.read(
      workload({ [`configmap.${r}/reload`]: 'conf,(.?){999}' }),
      defaultCompatOptions,
    )
    expect(chosen(large)).toEqual(['ConfigMap/conf'])
    expect(large?.problems).toHaveLength(1)
  })

  test('what is left out is reported where nothing else is asked', () => {
    const problems = (metadata: Record<string, string>) =>
      reloader.read(workload(metadata), defaultCompatOptions)?.problems
    expect(problems({ [`configmap.${r}/reload`]: '(a' })).toEqual([
      `configmap.${r}/reload: "(a" can't be used as a regular expression (missing closing ): \`^(a$\`), and is left out`,
    ])
    expect(problems({ [`${r}/auto`]: 'ture', [`${r}/search`]: 'True' })).toEqual([
      `${r}/auto: "ture" is neither "true" nor "false", and is left out`,
      `${r}/search: "True" is neither "true" nor "false", and is left out`,
    ])
    expect(problems({ [`${r}/auto`]: 'false', [`configmap.${r}/auto`]: '' })).toBeUndefined()
  })

  test.each([
    'conf-(a|b)',
    'conf-[a-z]+',
    '.*-conf.*',
    '(?i)CONF',
    '(blue|green)-(a|b)?.*',
    '(a+)+',
    '(a|b)*',
    '.*.*.*.*',
  ])('%s is a regular expression', (item) => {
    expect(
      reloader.read(workload({ [`configmap.${r}/reload`]: item }), defaultCompatOptions)?.problems,
    ).toEqual([])
  })
})

test('a source says of itself whether it counts', () => {
  const source = (annotations: Record<string, string>, labels = {}) => ({ metadata: { annotations, labels } })
  const marks = (object: ApiObject, options: Partial<CompatOptions> = {}) =>
    reloader.readMarks(object, { ...defaultCompatOptions, ...options })
  expect(marks(source({ 'reloader.stakater.com/match': 'true' }))).toEqual({ ignored: false, match: true })
  expect(marks(source({ 'reloader.stakater.com/ignore': 'true' }))).toEqual({ ignored: true, match: false })
  const resourceSelector = [{ key: 'reload', operator: 'in' as const, values: ['yes'] }]
  expect(marks(source({}, { reload: 'yes' }), { resourceSelector }).ignored).toBe(false)
  expect(marks(source({}, { reload: 'no' }), { resourceSelector }).ignored).toBe(true)
})
