/**
 * Renders the kustomize directories from the chart, which is the one source of all manifests. `make manifests` writes them; a test compares.
 * Comments of the templates stay.
 */
import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { repository } from '../cluster/paths.ts'
import { run } from '../cluster/run.ts'

const chart = join(repository, 'deploy/chart')
const NAMESPACE = 'hotreload-system'
const HEADER = '# Generated from deploy/chart by `make manifests`.\n'

interface Output {
  /** A directory that gets a file for each template, or one file. */
  path: string
  /** The only template; all if undefined. */
  template?: string
  /** Arguments of `--set`. */
  set: readonly string[]
}

/** A namespace that `kubectl --namespace` gives later. */
const LATER = 'given-later'

const outputs: readonly Output[] = [
  { path: 'deploy/base', set: ['namespace.create=true'] },
  { path: 'deploy/evict/role.yaml', template: 'evict.yaml', set: ['evictUninjected=true'] },
  { path: 'deploy/secrets/cluster/role.yaml', template: 'secrets.yaml', set: ['secrets.access=cluster'] },
  {
    path: 'deploy/secrets/role.yaml',
    template: 'secrets.yaml',
    set: ['secrets.access=namespaces', `secrets.namespaces={${LATER}}`],
  },
  { path: 'certs/certificate.yaml', template: 'certificate.yaml', set: ['certManager.enabled=true'] },
]

/** What the chart has a copy of. No symlinks: Flux leaves them out of what it takes from Git. */
const copied = [
  'deploy/monitoring/dashboard.json',
  ...['pod-monitor', 'rules', 'service-monitor'].map((name) => `deploy/monitoring/operator/${name}.yaml`),
]

/** The chart's own files: path in the repository -> text. */
export const chartFiles = (): Map<string, string> =>
  new Map(
    copied.map((path) => [
      `deploy/chart/files/${basename(path)}`,
      readFileSync(join(repository, path), 'utf8'),
    ]),
  )

/**
 * The files of the kustomize directories: path in the repository -> text.
 * @param helm path of the program
 * @throws if Helm refuses the chart
 */
export async function renderManifests(helm: string): Promise<Map<string, string>> {
  const files = new Map<string, string>()
  for (const { path, template, set } of outputs)
    for (const [name, text] of await renderChart(helm, set, template))
      files.set(template ? path : join(path, name), HEADER + text.replaceAll(`  namespace: ${LATER}\n`, ''))
  return files
}

/** What `helm template` makes of the chart: name of the template -> its documents. */
export async function renderChart(
  helm: string,
  set: readonly string[],
  template?: string,
): Promise<Map<string, string>> {
  const argv = [
    'template',
    'hotreload',
    chart,
    `--namespace=${NAMESPACE}`,
    ...set.map((one) => `--set=${one}`),
  ]
  if (template) argv.push(`--show-only=templates/${template}`)
  const rendered = await run([helm, ...argv])
  const files = new Map<string, string>()
  for (const document of rendered.split(/^---\n/m)) {
    const [, name, text = ''] = /^# Source: hotreload\/templates\/(\S+)\n([\s\S]*)$/.exec(document) ?? []
    if (!name || text.trim() === '') continue
    const before = files.get(name)
    files.set(name, before === undefined ? `${text.trimEnd()}\n` : `${before}---\n${text.trimEnd()}\n`)
  }
  return files
}
