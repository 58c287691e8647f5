// The alerts of deploy/monitoring, evaluated by promtool: each fires when it has to, and not otherwise.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { prometheusPrograms } from '../cluster/programs.ts'
import { run } from '../cluster/run.ts'
import { alerts, ruleFile } from '../support/monitoring.ts'

let promtool: string
let directory: string
beforeAll(async () => {
  ;({ promtool } = await prometheusPrograms((line) => console.error(line)))
  directory = await mkdtemp(join(tmpdir(), 'hotreload-alerts-'))
  await writeFile(join(directory, 'rules.json'), JSON.stringify(ruleFile()))
})
afterAll(() => rm(directory, { recursive: true }))

test('the rule file that docs/install.md takes from the operator’s object is one', async () => {
  const rules = new URL('../../deploy/monitoring/operator/rules.yaml', import.meta.url).pathname
  const text = await run(['sed', '-n', '/^spec:/,$ s/^  //p', rules])
  await writeFile(join(directory, 'taken.yml'), text)
  const output = await run([promtool, 'check', 'rules', join(directory, 'taken.yml')])
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
  HotreloadReloadUnconfirmed: {
    fires: { 'hotreload_agent_problems_total{state="unconfirmed"}': '0x70 1x4' },
    silent: { 'hotreload_agent_problems_total{state="refused"}': '0x70 1x4' },
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
  HotreloadConfigurationHeld: {
    fires: { [`hotreload_agent_held_seconds{${agent}}`]: '0x70 600x5' },
    silent: { [`hotreload_agent_held_seconds{${agent}}`]: '0x75' },
  },
  HotreloadGateUnproved: {
    fires: { [`hotreload_agent_state{${agent},state="unproved"}`]: '1x75' },
    silent: { [`hotreload_agent_state{${agent},state="loaded"}`]: '1x75' },
  },
  HotreloadConfigurationReverted: {
    fires: { [`hotreload_agent_state{${agent},state="reverted"}`]: '1x75' },
    silent: { [`hotreload_agent_state{${agent},state="baking"}`]: '1x75' },
  },
  HotreloadConfigurationUnhealthy: {
    fires: { [`hotreload_agent_state{${agent},state="unhealthy"}`]: '1x75' },
    silent: { [`hotreload_agent_state{${agent},state="baking"}`]: '1x75' },
  },
  HotreloadGateStuck: {
    fires: {
      [`up{${agent}}`]: '1x5 0x70',
      [`hotreload_agent_held_seconds{${agent}}`]: '0x5 stale',
    },
    // An agent without a gate, and one that answers.
    silent: {
      [`up{${agent}}`]: '0x75',
      'up{namespace="shop",pod="other"}': '1x75',
      'hotreload_agent_held_seconds{namespace="shop",pod="other"}': '0x75',
    },
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
  await expect(run([promtool, 'test', 'rules', tested])).resolves.toContain('SUCCESS')
})
