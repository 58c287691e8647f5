// deploy/monitoring with a real Prometheus: it finds the agents of Pods, and every query has an answer from a webhook, a controller and an agent.
import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { freePort } from '../cluster/control-plane.ts'
import { namespace, until } from '../support/kube.ts'
import { alerts, queries } from '../support/monitoring.ts'
import { startPrometheus } from '../support/prometheus.ts'
import { type Serve, startServe } from '../support/serve.ts'

const root = join(import.meta.dirname, '../..')

const metrics = (port: number): Promise<string | undefined> =>
  fetch(`http://127.0.0.1:${port}/metrics`).then(
    (response) => response.text(),
    () => undefined,
  )

/** An agent whose reload fails, so that it has a problem to show. @returns its metrics before that */
async function startAgent(port: number): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'hotreload-agent-'))
  const content = async (name: string) => {
    await mkdir(join(directory, name))
    await writeFile(join(directory, name, 'a'), name)
    await symlink(name, join(directory, '..data_tmp'))
    await rename(join(directory, '..data_tmp'), join(directory, '..data'))
  }
  await content('..one')
  const url = `--url=http://127.0.0.1:${await freePort()}/`
  const flags = ['--container=web', `--directory=${directory}`, '--reload=http', url, `--port=${port}`]
  const child = spawn(join(root, 'bin/hotreload-agent'), ['watch', ...flags], { stdio: 'ignore' })
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await rm(directory, { recursive: true })
  })
  const before = await until('the agent answers', () => metrics(port))
  await content('..two')
  await until('it has a problem', async () => (await metrics(port))?.includes('hotreload_agent_problem{'))
  return before
}

async function start(own: string[], ns: Awaited<ReturnType<typeof namespace>>): Promise<number> {
  const serve: Serve = await startServe(ns, own)
  onTestFinished(() => serve.stop())
  return until('it serves', () => {
    const [line] = serve.logged('serving')
    return line && (line as unknown as { metricsPort: number }).metricsPort
  })
}

test('every query of the dashboard and of the alerts has an answer; an agent has all its counters from the start', async () => {
  const ns = await namespace()
  const ports = [await start(['--only=webhook', '--port=0'], ns), await start(['--only=controller'], ns)]
  const agent = await freePort()
  const before = await startAgent(agent)
  const table = (await readFile(join(root, 'docs/agent.md'), 'utf8')).matchAll(
    /^\| `(hotreload_agent_\w+_total)(?:\{(\w+)\})?` \| counter \| (.*) \|$/gm,
  )
  const counters = [...table].flatMap(([, name, label, text = '']) =>
    label === undefined
      ? [`${name} 0`]
      : [...text.matchAll(/`(\w+)`/g)].map(([, value]) => `${name}{${label}="${value}"} 0`),
  )
  expect(counters.length).toBeGreaterThan(10)
  expect(before.split('\n')).toEqual(expect.arrayContaining(counters))

  const job = (name: string, targets: number[], labels: object) => ({
    job_name: name,
    scrape_interval: '1s',
    static_configs: targets.map((port) => ({
      targets: [`127.0.0.1:${port}`],
      labels: { ...labels, pod: `p${port}` },
    })),
  })
  const prometheus = await startPrometheus({
    scrape_configs: [job('hotreload', ports, {}), job('hotreload-agents', [agent], { namespace: 'shop' })],
  })
  onTestFinished(() => prometheus.stop())
  await until(
    'each target has been scraped a few times',
    async () => (await prometheus.ask('count_over_time(up[1m]) > 3')).length === 3,
  )
  await until(
    'the certificate is in use',
    async () => (await prometheus.ask('hotreload_certificate_expiry_timestamp_seconds')).length === 2,
  )
  const silent: string[] = []
  for (const { title, expr } of queries())
    if ((await prometheus.ask(expr.replaceAll('$namespace', '.*'))).length === 0) silent.push(title)
  expect(silent).toEqual([])
  for (const { expr } of alerts()) expect(await prometheus.ask(expr)).toBeInstanceOf(Array)
})

/** A rule for labels as the operator writes it. */
interface Relabeling {
  action: string
  sourceLabels?: string[]
  targetLabel?: string
  regex: string
  replacement?: string
}

const ofOperator = async () => {
  const monitor = parse(await readFile(join(root, 'deploy/monitoring/operator/pod-monitor.yaml'), 'utf8'))
  const rules: Relabeling[][] = monitor.spec.podMetricsEndpoints.map(
    ({ relabelings }: { relabelings: Relabeling[] }) => relabelings,
  )
  return rules.map((list) =>
    list.map(({ sourceLabels, targetLabel, ...rule }) => ({
      ...rule,
      ...(sourceLabels ? { source_labels: sourceLabels } : {}),
      ...(targetLabel ? { target_label: targetLabel } : {}),
    })),
  )
}

/** The job of docs/install.md, for the first agent of a Pod. */
const ofInstallPage = async () => {
  const page = await readFile(join(root, 'docs/install.md'), 'utf8')
  const [, block = ''] = /^```yaml\n(# prometheus.yml\n[^]*?)^```$/m.exec(page) ?? []
  const { scrape_configs: jobs } = parse(block)
  return jobs
    .filter(({ job_name: name }: { job_name: string }) => name === 'hotreload-agents')
    .map(({ relabel_configs: rules }: { relabel_configs: object[] }) => rules)
}

test.each([
  ['the PodMonitor', ofOperator, ['10.0.0.1:9467', '10.0.0.1:9468', '[fd00::1]:9467', '[fd00::1]:9468']],
  ['the job of docs/install.md', ofInstallPage, ['10.0.0.1:9467']],
])('%s finds each agent once', async (_what, rulesOf, addresses) => {
  const golden = await readFile(join(root, 'test/golden/two-containers.expected.yaml'), 'utf8')
  const injected = parseAllDocuments(golden)[0]?.toJS().spec.template.metadata.annotations
  // As Prometheus discovers Pods: a target for each container. The operator adds the labels without underscores.
  const discovered = (ip: string, status: string | undefined) =>
    ['web', 'prometheus', 'hotreload-agent-web'].map((container) => ({
      targets: [`${ip.includes(':') ? `[${ip}]` : ip}:80`],
      labels: {
        __meta_kubernetes_pod_ip: ip,
        __meta_kubernetes_namespace: 'shop',
        __meta_kubernetes_pod_name: 'web-1',
        namespace: 'shop',
        pod: 'web-1',
        ...(addresses.length > 1 ? { container } : {}),
        ...(status === undefined ? {} : { __meta_kubernetes_pod_annotation_hotreload_dev_status: status }),
      },
    }))
  const status = injected['hotreload.dev/status']
  const pods = [
    ...discovered('10.0.0.1', status),
    ...discovered('10.0.0.2', undefined),
    ...(addresses.length > 1 ? discovered('fd00::1', status) : []),
  ]
  const rules: object[][] = await rulesOf()
  const prometheus = await startPrometheus({
    scrape_configs: rules.map((relabel_configs, index) => ({
      job_name: `agents-${index}`,
      relabel_configs,
      static_configs: pods,
    })),
  })
  onTestFinished(() => prometheus.stop())
  const targets = await until('it has targets', async () => {
    const found = await prometheus.targets()
    return found.length >= addresses.length && found
  })
  expect(targets.map(({ scrapeUrl }) => new URL(scrapeUrl).host).toSorted()).toEqual(addresses)
  for (const { labels } of targets) expect(labels).toMatchObject({ namespace: 'shop', pod: 'web-1' })
})
