/** The Pods that are measured, what they say of their loads, and what is made of it. */
import { injectObject } from '../../src/cli/inject.ts'
import { builtInDefaults } from '../../src/policy/defaults.ts'
import { AGENT_IMAGE, VERSION } from '../../src/version.ts'
import type { ApiObject } from '../../src/workload/pod-template.ts'
import { pause } from '../../test/cluster/run.ts'
import { configMap, configMapVolume, deployment } from '../../test/support/reload-manifests.ts'
import { median } from '../start/table.ts'

/** One edit, in milliseconds from the start of `kubectl apply`: until it came back, and until each Pod's program had loaded. */
export interface Round {
  applied: number
  loads: readonly number[]
}

export const nameOf = (pods: number): string => `reader-${pods}`

/** The kubelet's own way takes 80 s, and more where much waits. */
const LIMIT_MILLISECONDS = 300_000

/**
 * A ConfigMap and a Deployment of so many small Pods that load it at SIGHUP, with the agent in the template: no webhook has to be there.
 * @throws where the agent was not added
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
 * When each program said that it has loaded so many bytes: milliseconds since 1970, by the clock of the node, which is this machine.
 * The line's time is the container runtime's, so that asking late changes nothing.
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
