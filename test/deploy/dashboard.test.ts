// The dashboard has the form that Grafana imports, and says what each panel means. test/apiserver/monitoring.test.ts runs its queries.
import { describe, expect, test } from 'vitest'
import { dashboard } from '../support/monitoring.ts'

const { templating, panels, ...rest } = dashboard()
const rows = panels.filter(({ type }) => type === 'row')
const charts = panels.filter(({ type }) => type !== 'row')
const keys = (object: object): string[] => Object.keys(object).toSorted()
const datasource = { type: 'prometheus', uid: '${datasource}' }

test('has the fields of a dashboard, and ids that are unique', () => {
  expect(keys(rest)).toEqual(
    ['description', 'editable', 'refresh', 'schemaVersion', 'tags', 'time', 'title', 'uid'].toSorted(),
  )
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
  expect(rows.map(({ title }) => title)).toEqual([
    'Agents in the Pods of the chosen namespaces',
    'Controller',
    'Webhook',
  ])
})

test('no two panels overlap, and none leaves the 24 columns', () => {
  const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) => {
    expect(x + w).toBeLessThanOrEqual(24)
    return Array.from({ length: w * h }, (_, index) => `${x + (index % w)},${y + Math.floor(index / w)}`)
  })
  expect(new Set(cells).size).toBe(cells.length)
})

describe.each(charts)('$title', (panel) => {
  test('has the fields of its type, a unit and a description', () => {
    const fields = [
      'datasource',
      'description',
      'fieldConfig',
      'gridPos',
      'id',
      'options',
      'targets',
      'title',
      'type',
    ]
    expect(['timeseries', 'table']).toContain(panel.type)
    expect(keys(panel)).toEqual(panel.type === 'table' ? [...fields, 'transformations'].toSorted() : fields)
    expect(panel['datasource']).toEqual(datasource)
    expect(panel.description).toMatch(/^[A-Z0-9].*\.$/)
    const { defaults, overrides, ...others } = panel['fieldConfig'] as {
      defaults: { unit: string }
      overrides: unknown[]
    }
    expect(others).toEqual({})
    expect(overrides).toEqual([])
    // Grafana's ids of units.
    expect(['short', 's', 'bytes', 'reqps']).toContain(defaults.unit)
  })

  test('asks only known variables; of agents, those of the chosen namespaces', () => {
    const names = templating.list.map(({ name }) => name)
    expect(names).toEqual(['datasource', 'namespace'])
    const targets = panel.targets ?? []
    expect(targets.map(({ refId }) => refId)).toEqual(['A', 'B', 'C'].slice(0, targets.length))
    for (const { expr, ...target } of targets) {
      expect(target).toMatchObject({ datasource, legendFormat: expect.any(String) })
      for (const [, name] of expr.matchAll(/\$(\w+)/g)) expect(names).toContain(name)
      const ofAgents = expr.match(/hotreload_agent_(?!problems_)\w+/g) ?? []
      expect(expr.match(/\{namespace=~"\$namespace"\}/g) ?? []).toHaveLength(ofAgents.length)
    }
  })
})
