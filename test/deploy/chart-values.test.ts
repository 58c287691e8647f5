/** deploy/chart/values.schema.json and deploy/chart/README.md are generated from values.yaml (`npx vitest run --project unit test/deploy -u`). */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { controllerFlags } from '../../src/cli/serve/controller-flags.ts'
import { serveFlags } from '../../src/cli/serve/options.ts'
import type { Flag } from '../../src/cli/shared/flag.ts'
import { VERSION } from '../../src/version.ts'
import { readChartValues, schemaOf, valuesTable } from './chart-values.ts'

const chart = join(import.meta.dirname, '../../deploy/chart')
const read = (name: string) => readFileSync(join(chart, name), 'utf8')
const values = readChartValues(read('values.yaml'))

test('values.schema.json is generated from values.yaml', () =>
  expect(`${JSON.stringify(schemaOf(values), null, 2)}\n`).toMatchFileSnapshot(
    join(chart, 'values.schema.json'),
  ))

test('README.md is generated from values.yaml', () =>
  expect(
    read('README.md.gotmpl').replace('{{ template "chart.valuesTable" . }}', valuesTable(values)),
  ).toMatchFileSnapshot(join(chart, 'README.md')))

test('the flags in the examples of values.yaml, and in the values of the chart’s test, exist', () => {
  const all = Object.values<Flag>({ ...serveFlags, ...controllerFlags })
  const known = new Set(all.map(({ flags }) => flags.split(' ')[0]))
  const examples = values
    .filter(({ path }) => path.endsWith('.flags'))
    .map(({ description }) => parse(/`(\{.*\})`/.exec(description)?.[1] ?? ''))
  const { webhook, controller } = parse(
    readFileSync(join(import.meta.dirname, 'chart-everything.yaml'), 'utf8'),
  )
  const named = [...examples, webhook.flags, controller.flags].flatMap((flags) => Object.keys(flags))
  expect(named).toHaveLength(8)
  expect(named.filter((name) => !known.has(`--${name}`))).toEqual([])
})

test('chart and application have the version of the package', () => {
  const { version: chartVersion, appVersion } = parse(read('Chart.yaml'))
  expect([chartVersion, appVersion]).toEqual([VERSION, VERSION])
})

describe('the schema', () => {
  test('knows every value of values.yaml', () => {
    const leaves = (value: unknown, path: string): string[] =>
      values.some((one) => one.path === path) || typeof value !== 'object' || value === null
        ? [path]
        : Object.entries(value).flatMap(([key, below]) => leaves(below, path ? `${path}.${key}` : key))
    expect(leaves(parse(read('values.yaml')), '')).toEqual(values.map(({ path }) => path))
  })
})
