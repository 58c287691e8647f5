/** docs/serve.md is generated from the flags and the metrics (`npx vitest run --project unit test/docs-install.test.ts -u`). docs/install.md names only manifests, flags and metrics that exist. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Registry } from 'prom-client'
import { describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { controllerFlags } from '../src/cli/serve/controller-flags.ts'
import { serveFlags, variableOf } from '../src/cli/serve/options.ts'
import { controllerLabels } from '../src/cli/serve/report/metric-labels.ts'
import type { Flag } from '../src/cli/shared/flag.ts'
import { parseDefaults } from '../src/policy/policy-file.ts'
import { createControllerMetrics } from '../src/telemetry/controller-metrics.ts'
import { createMetrics } from '../src/telemetry/metrics.ts'
import { groupOf, workloadKinds } from '../src/workload/kinds.ts'

const ROOT = join(import.meta.dirname, '..')
const page = readFileSync(join(ROOT, 'docs/install.md'), 'utf8')

const cell = (text: string): string => text.replaceAll('|', String.raw`\|`)
const table = (head: string[], rows: string[][]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.map(cell).join(' | ')} |`).join('\n')

const flagRow = (flag: Flag): string[] => [
  `\`${flag.flags}\``,
  `\`${variableOf(flag)}\``,
  flag.default === undefined ? '' : `\`${flag.default}\``,
  flag.doc,
]
const flagTable = (flags: Readonly<Record<string, Flag>>) =>
  table(['flag', 'variable', 'default', 'meaning'], Object.values(flags).map(flagRow))

interface Metric {
  name: string
  help: string
  type: string
  labelNames: readonly string[]
}

/** Our own metrics; prom-client adds those of the Node.js process (`process_…`, `nodejs_…`). */
function metricsOf(registry: Registry): Metric[] {
  return registry
    .getMetricsAsArray()
    .map((metric) => metric as unknown as Metric)
    .filter(({ name }) => name.startsWith('hotreload_'))
}

const controllerRegistry = new Registry()
createControllerMetrics(controllerRegistry, controllerLabels)
const webhookMetrics = metricsOf(createMetrics().registry)
const controllerMetrics = metricsOf(controllerRegistry)
const metricTable = (metrics: readonly Metric[]) =>
  table(
    ['metric', 'labels', 'meaning'],
    metrics.map(({ name, labelNames, help }) => [
      `\`${name}\``,
      labelNames.map((label) => `\`${label}\``).join(', '),
      help,
    ]),
  )

const servePage = `# hotreload serve

Generated from the flags and metrics in src/; a test keeps it so. [Install](install.md#your-own-settings) shows how to set them.

## Flags

Every flag is an environment variable, too; a flag wins over its variable. An impossible value is an error at the start (\`HR_BAD_FLAG\`), never a default.

${flagTable(serveFlags)}

Flags of the controller, with those of Stakater Reloader:

${flagTable(controllerFlags)}

## Metrics

At \`/metrics\` of \`--metrics-port\`, beside those of the Node.js process (\`process_…\`, \`nodejs_…\`). Metrics of the webhook, from each replica (\`hotreload_policy_valid\` from the controller's, too):

${metricTable(webhookMetrics)}

Metrics of the controller, from the replica that leads:

${metricTable(controllerMetrics)}

Agents have [metrics of their own](agent.md#metrics), at port 9467 of each injected Pod.
`

test('docs/serve.md is generated from the code', () =>
  expect(servePage).toMatchFileSnapshot(join(ROOT, 'docs/serve.md')))

/** The code blocks of a language. */
const blocks = (language: string): string[] =>
  [...page.matchAll(new RegExp(String.raw`^\`\`\`${language}\n([\s\S]*?)^\`\`\`$`, 'gm'))].map(
    ([, text = '']) => text,
  )

interface Manifest {
  kind?: string
  data?: Record<string, string>
  patches?: { path: string }[]
}

describe('docs/install.md', () => {
  const documents = blocks('yaml').flatMap((text) => parseAllDocuments(text))
  const manifests = documents.map((document): Manifest => document.toJS())

  test('its YAML is valid', () => {
    expect(documents.length).toBeGreaterThan(3)
    expect(documents.flatMap(({ errors }) => errors.map(({ message }) => message))).toEqual([])
  })

  test('its policy file is valid', () => {
    const policies = manifests.flatMap(({ data }) => data?.['policy.yaml'] ?? [])
    expect(policies).toHaveLength(1)
    const { annotations, excludedContainers } = parseDefaults(policies[0] ?? '')
    expect(Object.keys(annotations).length).toBeGreaterThan(1)
    expect([...excludedContainers]).toContain('my-sidecar')
  })

  test('the removal covers every kind of workload', () => {
    const [, kinds = ''] = /for kind in (.*); do/.exec(page) ?? []
    expect(kinds.split(' ')).toEqual(workloadKinds.map((kind) => `${kind.plural}.${groupOf(kind)}`))
  })

  test('every directory of a kubectl command exists', () => {
    const directories = [...page.matchAll(/-k ((?:deploy|certs)\S*)/g)].map(([, directory = '']) => directory)
    expect(directories.length).toBeGreaterThan(4)
    const missing = directories.filter((one) => !existsSync(join(ROOT, one, 'kustomization.yaml')))
    expect(missing).toEqual([])
  })

  test('every flag and variable that it names exists', () => {
    const known = Object.values({ ...serveFlags, ...controllerFlags } as Record<string, Flag>)
    const names = new Set(known.flatMap((flag) => [flag.flags.split(' ')[0] ?? '', variableOf(flag)]))
    const named = blocks('yaml')
      .join('\n')
      .match(/\bHOTRELOAD_[A-Z_]+\b|(?<=[\s[])--[a-z][\w-]+/g)
    expect(named).not.toBeNull()
    expect(named?.filter((name) => !names.has(name))).toEqual([])
  })
})

describe('deploy/monitoring', () => {
  const rules = readFileSync(join(ROOT, 'deploy/monitoring/operator/rules.yaml'), 'utf8')
  const dashboard = readFileSync(join(ROOT, 'deploy/monitoring/dashboard.json'), 'utf8')
  const runbook = readFileSync(join(ROOT, 'docs/runbook.md'), 'utf8')

  test('every metric in the rules, the dashboard, the runbook and docs/install.md exists', () => {
    const agents = readFileSync(join(ROOT, 'docs/agent.md'), 'utf8').match(/^\| `hotreload_agent_\w+/gm) ?? []
    const known = new Set([
      ...[...webhookMetrics, ...controllerMetrics].map(({ name }) => name),
      ...agents.map((row) => row.slice('| `'.length)),
    ])
    const text = [rules, dashboard, runbook, page].join('\n')
    const named = text.match(/\bhotreload_[a-z_]+\b/g)?.map((name) => name.replace(/_bucket$/, '')) ?? []
    expect(named.length).toBeGreaterThan(2)
    expect(named.filter((name) => !known.has(name))).toEqual([])
  })

  test('the runbook has a chapter for each alert, and each alert links to it', () => {
    const alerts = [...rules.matchAll(/alert: (\w+)/g)].map(([, name = '']) => name)
    expect([...runbook.matchAll(/^## (\w+)$/gm)].map(([, name]) => name)).toEqual(alerts)
    const links = [...rules.matchAll(/runbook_url: \S+#(\w+)/g)].map(([, anchor]) => anchor)
    expect(links).toEqual(alerts.map((name) => name.toLowerCase()))
  })
})
