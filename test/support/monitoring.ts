/** What deploy/monitoring holds, for tests. */
import { readFileSync } from 'node:fs'
import { parse } from 'yaml'

const read = (file: string): string =>
  readFileSync(new URL(`../../deploy/monitoring/${file}`, import.meta.url), 'utf8')

export interface Rule {
  alert: string
  expr: string
  for?: string
}

/** A rule file of Prometheus: what docs/install.md takes out of the operator's object. */
export const ruleFile = (): { groups: { name: string; rules: Rule[] }[] } =>
  parse(read('operator/rules.yaml')).spec

export const alerts = (): Rule[] => ruleFile().groups.flatMap(({ rules }) => rules)

export interface Panel {
  id: number
  type: string
  title: string
  description?: string
  gridPos: { h: number; w: number; x: number; y: number }
  targets?: { refId: string; expr: string; legendFormat: string }[]
  [field: string]: unknown
}

export interface Dashboard {
  templating: { list: { name: string; type: string; query: unknown }[] }
  panels: Panel[]
  [field: string]: unknown
}

export const dashboard = (): Dashboard => JSON.parse(read('dashboard.json'))

/** The queries of every panel. */
export const queries = (): { title: string; expr: string }[] =>
  dashboard().panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr })))
