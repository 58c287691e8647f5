/** The measured Pods, their log lines about loads, and the times computed from them. */
import { injectObject } from '../../src/cli/inject.ts'
import { builtInDefaults } from '../../src/policy/defaults.ts'
import { AGENT_IMAGE, VERSION } from '../../src/version.ts'
import type { ApiObject } from '../../src/workload/pod-template.ts'
import { pause } from '../../test/cluster/run.ts'
import { configMap, configMapVolume, deployment } from '../../test/support/reload-manifests.ts'
import { median } from '../start/table.ts'

/** One edit, in milliseconds from the start of `kubectl apply`: until it returned, and until each Pod's program had loaded. */
export interface Round {
  applied: number
  loads: readonly number[]
}

export const nameOf = (pods: number): string => `reader-${pods}`

/** Without a nudge the kubelet takes 90 s, and longer for many volumes. */
const LIMIT_MILLISECONDS = 300_000

/**
 * A ConfigMap, and a Deployment of small Pods that load it at SIGHUP. The template contains the agent, so that no webhook is needed.
 * @throws if injection added no agent
 */
export function manifests(pods: number, image: string): object[] {
  const name = nameOf(pods)
  const container = {
    image,
    resources: { requests: { cpu: '1m', memory: '4Mi' } },
    volumeMounts: [{ name: 'config', mountPath: '/etc/reader' }],
  }
  const workload: ApiObject = {
    ...deployment(container, [configMapVolume('config', name)], {
      name,
      annotations: { 'hotreload.dev/signal': 'SIGHUP' },
      replicas: pods,
      spec: { securityContext: { runAsUser: 65_534 } },
    }),
  }
  const options = { agentImage: AGENT_IMAGE, version: VERSION, defaults: builtInDefaults, injectAll: false }
  const { object, problems } = injectObject(workload, options)
  if (problems.length > 0 || !JSON.stringify(object).includes('"hotreload-agent"'))
    throw new Error(`no agent in ${name}: ${problems.join('; ')}`)
  return [configMap(name, { config: 'x' }), object]
}

/**
 * Waits for each program's log line about a load of that many bytes, and returns the lines' times: milliseconds since 1970 by this machine's
 * clock. The container runtime sets the time of a line, so that reading it late changes nothing.
 */
export async function loadsOf(
  kubectl: (argv: string[]) => Promise<string>,
  pods: number,
  bytes: number,
): Promise<number[]> {
  const argv = [
    'logs',
    `--selector=app=${nameOf(pods)}`,
    `--container=${nameOf(pods)}`,
    '--timestamps',
    '--tail=1',
  ]
  const line = new RegExp(`^(\\S+) loaded \\S+ \\(${bytes} bytes`, 'gm')
  for (let waited = 0; waited < LIMIT_MILLISECONDS; waited += 500) {
    await pause(500)
    const log = await kubectl([...argv, `--max-log-requests=${pods}`])
    const loads = [...log.matchAll(line)].map(([, time = '']) => Date.parse(time))
    if (loads.length === pods) return loads
  }
  throw new Error(`not all of ${pods} Pods loaded ${bytes} bytes`)
}

export function summary(rounds: readonly Round[]): string {
  const all = rounds.flatMap(({ loads }) => loads)
  const slowest = rounds.map(({ loads }) => Math.max(...loads))
  const of = (values: readonly number[]) =>
    `${seconds(median(values))} (most ${seconds(Math.max(...values))})`
  return `a Pod ${of(all)}, the slowest of a round ${of(slowest)}, kubectl ${seconds(median(rounds.map(({ applied }) => applied)))} s; ${rounds.length} rounds`
}

const seconds = (milliseconds: number): string => (milliseconds / 1_000).toFixed(2)
