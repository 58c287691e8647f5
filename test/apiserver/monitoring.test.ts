// deploy/monitoring with a real Prometheus, which scrapes a webhook, a controller and an agent: every query has an answer, every alert fires when it
// has to.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { prometheusPrograms } from '../cluster/programs.ts'
import { run } from '../cluster/run.ts'
import { namespace, until } from '../support/kube.ts'
import { alerts, queries, ruleFile } from '../support/monitoring.ts'
import { type Serve, startServe } from '../support/serve.ts'

let programs: { prometheus: string; promtool: string }
let directory: string
const children: ChildProcess[] = []
let parts: Serve[] = []
beforeAll(async () => {
  programs = await prometheusPrograms((line) => console.error(line))
  directory = await mkdtemp(join(tmpdir(), 'hotreload-monitoring-'))
  await writeFile(join(directory, 'rules.json'), JSON.stringify(ruleFile()))
}, 180_000)
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL')
  await Promise.all(parts.map((one) => one.stop()))
  await rm(directory, { recursive: true })
})

test('the rule file that docs/install.md takes from the operator’s object is one', async () => {
  const rules = new URL('../../deploy/monitoring/operator/rules.yaml', import.meta.url).pathname
  const text = await run(['sed', '-n', '/^spec:/,$ s/^  //p', rules])
  await writeFile(join(directory, 'taken.yml'), text)
  const output = await run([programs.promtool, 'check', 'rules', join(directory, 'taken.yml')])
  expect(output).toContain(`${alerts().length} rules found`)
})

/** `fires`: series that must raise the alert within an hour and a quarter. `silent`: series that must not. Values are one minute apart. */
interface Case {
  fires: Record<string, string>
  silent: Record<string, string>
}
const agent = 'namespace="shop",pod="web"'
const cases: Record<string, Case> = {
  HotreloadNoLeader: {
    fires: { 'hotreload_leader{pod="a"}': '0x75', 'hotreload_leader{pod="b"}': '0x75' },
    silent: { 'hotreload_leader{pod="a"}': '1x75', 'hotreload_leader{pod="b"}': '0x75' },
  },
  HotreloadRolloutsFail: {
    fires: { 'hotreload_rollouts_total{outcome="failed",kind="Deployment"}': '0x64 5x10' },
    silent: { 'hotreload_rollouts_total{outcome="failed",kind="Deployment"}': '0x64 2x10' },
  },
  HotreloadRolloutsWait: {
    fires: { 'hotreload_rollouts_waiting{reason="limit"}': '2x75' },
    silent: { 'hotreload_rollouts_waiting{reason="paused"}': '2x75' },
  },
  HotreloadChecksumReverted: {
    fires: { 'hotreload_rollouts_waiting{reason="reverted"}': '0x60 1x15' },
    silent: { 'hotreload_rollouts_waiting{reason="reverted"}': '0x75' },
  },
  HotreloadUninjectedPods: {
    fires: { hotreload_uninjected_pods: '1x75' },
    silent: { hotreload_uninjected_pods: '0x75' },
  },
  HotreloadObjectSetAside: {
    fires: { hotreload_objects_set_aside: '1x75' },
    silent: { hotreload_objects_set_aside: '0x75' },
  },
  HotreloadAlertsFail: {
    fires: { 'hotreload_alerts_total{outcome="failed"}': '0x60 1x15' },
    silent: { 'hotreload_alerts_total{outcome="failed"}': '0x75' },
  },
  HotreloadCertificateExpires: {
    fires: { 'hotreload_certificate_expiry_timestamp_seconds{certificate="serving"}': '500000x75' },
    silent: { 'hotreload_certificate_expiry_timestamp_seconds{certificate="serving"}': '5000000x75' },
  },
  HotreloadAdmissionFails: {
    fires: { 'hotreload_admission_requests_total{outcome="failed",kind="Pod"}': '0x50 1+1x25' },
    silent: { 'hotreload_admission_requests_total{outcome="injected",kind="Pod"}': '0+1x75' },
  },
  HotreloadOverloaded: {
    fires: { 'hotreload_admission_refused_total{code="HR_OVERLOADED"}': '0x50 1+1x25' },
    silent: { 'hotreload_admission_refused_total{code="HR_BAD_JSON"}': '0+1x75' },
  },
  HotreloadPolicyInvalid: {
    fires: { 'hotreload_policy_valid{pod="a"}': '1x60 0x15', 'hotreload_policy_valid{pod="b"}': '1x75' },
    silent: { 'hotreload_policy_valid{pod="a"}': '1x75' },
  },
  HotreloadNotLoaded: {
    fires: { [`hotreload_agent_last_reload_successful{${agent}}`]: '1x60 0x15' },
    silent: { [`hotreload_agent_last_reload_successful{${agent}}`]: '1x75' },
  },
  HotreloadConfigurationInvalid: {
    fires: { [`hotreload_agent_state{${agent},state="invalid"}`]: '1x75' },
    silent: { [`hotreload_agent_state{${agent},state="loaded"}`]: '1x75' },
  },
  HotreloadProgramKilled: {
    fires: { [`hotreload_agent_targets_killed_total{${agent}}`]: '0x60 1x15' },
    silent: { [`hotreload_agent_targets_killed_total{${agent}}`]: '1x75' },
  },
  HotreloadAgentPanicked: {
    fires: { [`hotreload_agent_panics_total{${agent}}`]: '1x75' },
    silent: { [`hotreload_agent_panics_total{${agent}}`]: '0x75' },
  },
}

test('each alert has its case', () => expect(Object.keys(cases)).toEqual(alerts().map(({ alert }) => alert)))

test.each(Object.entries(cases))('%s', async (alert, { fires, silent }) => {
  const tested = join(directory, `${alert}.json`)
  // Of the alerts at the end, promtool compares labels and annotations; whether there is one is enough here.
  const count = `count(ALERTS{alertname="${alert}",alertstate="firing"}) or vector(0)`
  const group = (series: Record<string, string>, value: number) => ({
    interval: '1m',
    input_series: Object.entries(series).map(([one, values]) => ({ series: one, values })),
    promql_expr_test: [{ expr: count, eval_time: '75m', exp_samples: [{ labels: '{}', value }] }],
  })
  await writeFile(
    tested,
    JSON.stringify({
      rule_files: ['rules.json'],
      evaluation_interval: '1m',
      tests: [group(fires, 1), group(silent, 0)],
    }),
  )
  await expect(run([programs.promtool, 'test', 'rules', tested])).resolves.toContain('SUCCESS')
})

/** A free TCP port: neither program takes 0 and says which one it got. */
const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })

function start(argv: readonly [string, ...string[]]): void {
  const [program, ...rest] = argv
  children.push(spawn(program, rest, { cwd: directory, stdio: 'ignore' }))
}

/** An agent whose reload fails, so that it has a problem to show. */
async function startAgent(port: number): Promise<void> {
  const volume = join(directory, 'volume')
  const content = async (name: string) => {
    await mkdir(join(volume, name), { recursive: true })
    await writeFile(join(volume, name, 'a'), name)
    await symlink(name, join(volume, '..data_tmp'))
    await rename(join(volume, '..data_tmp'), join(volume, '..data'))
  }
  await content('..one')
  const url = `http://127.0.0.1:${await freePort()}/`
  const flags = [
    '--container=web',
    `--directory=${volume}`,
    '--reload=http',
    `--url=${url}`,
    `--port=${port}`,
  ]
  start([join(import.meta.dirname, '../../bin/hotreload-agent'), 'watch', ...flags])
  await until('the agent answers', () => metrics(port))
  await content('..two')
  await until('it has a problem', async () => (await metrics(port))?.includes('hotreload_agent_problem{'))
}

/** Of Prometheus' API. */
interface Answer {
  status: string
  data?: { result: unknown[] }
}

const metrics = (port: number): Promise<string | undefined> =>
  fetch(`http://127.0.0.1:${port}/metrics`).then(
    (response) => response.text(),
    () => undefined,
  )

const metricsPort = (serve: Serve): Promise<number> =>
  until('it serves', () => {
    const [line] = serve.logged('serving')
    return line && (line as unknown as { metricsPort: number }).metricsPort
  })

test('every query of the dashboard and of the alerts has an answer', async () => {
  const own = await namespace()
  parts = await Promise.all([
    startServe(own, ['--only=webhook', '--port=0']),
    startServe(own, ['--only=controller', '--issue-certificates']),
  ])
  const [webhook = 0, controller = 0] = await Promise.all(parts.map(metricsPort))
  const [agents, prometheus] = [await freePort(), await freePort()]
  await startAgent(agents)
  const job = (name: string, ports: number[], labels: object) => ({
    job_name: name,
    scrape_interval: '1s',
    static_configs: ports.map((port) => ({
      targets: [`127.0.0.1:${port}`],
      labels: { ...labels, pod: `p${port}` },
    })),
  })
  const scrape = [
    job('hotreload', [webhook, controller], {}),
    job('hotreload-agents', [agents], { namespace: 'shop' }),
  ]
  const file = join(directory, 'prometheus.json')
  await writeFile(file, JSON.stringify({ rule_files: ['rules.json'], scrape_configs: scrape }))
  start([
    programs.prometheus,
    `--config.file=${file}`,
    `--storage.tsdb.path=${join(directory, 'data')}`,
    `--web.listen-address=127.0.0.1:${prometheus}`,
  ])

  const ask = async (expr: string): Promise<Answer> => {
    const query = new URLSearchParams({ query: expr })
    const response = await fetch(`http://127.0.0.1:${prometheus}/api/v1/query?${String(query)}`)
    return (await response.json()) as Answer
  }
  await until('each target has been scraped a few times', async () => {
    const { data } = await ask('count_over_time(up[1m]) > 3').catch(() => ({ data: undefined }))
    return data?.result.length === 3
  })
  await until(
    'the certificate is in use',
    async () => (await ask('hotreload_certificate_expiry_timestamp_seconds')).data?.result.length,
  )
  const silent: string[] = []
  for (const { title, expr } of queries()) {
    const answer = await ask(expr.replaceAll('$namespace', '.*'))
    expect(answer, title).toMatchObject({ status: 'success' })
    if (answer.data?.result.length === 0) silent.push(title)
  }
  expect(silent).toEqual([])
  for (const { alert, expr } of alerts()) expect(await ask(expr), alert).toMatchObject({ status: 'success' })
})
