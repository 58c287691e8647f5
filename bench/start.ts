// node bench/start.ts [--rounds N]
// Measures in seconds how much injection delays a Pod's start and a Job's end, against plain ones, in one run on a real node: the one of
// KUBECONFIG if that is set, else a temporary one. All variants take turns, in an order that rotates each round.
import { parseArgs } from 'node:util'
import { createClient, type KubeClient } from '../src/kube/client.ts'
import { kubeconfigConnection } from '../src/kube/connection.ts'
import type { Cluster } from '../test/cluster/cluster.ts'
import { imageReference } from '../test/cluster/images.ts'
import { run } from '../test/cluster/run.ts'
import { createToReady, endToComplete } from './start/stopwatch.ts'
import { median, type Samples, table } from './start/table.ts'
import { template, type Variant, variants } from './start/variants.ts'
import { onNode } from './support/on-node.ts'

const { values: flags } = parseArgs({ options: { rounds: { type: 'string', default: '8' } } })
const rounds = Number(flags.rounds)

type Measure = (variant: Variant, name: string) => Promise<number>

/** The differences between variants. */
const parts = [
  ["the agent's container", "agent's image", 'plain'],
  ['hotreload-install', "app's image", "agent's image"],
  ['linking before the app starts', 'symlink', "app's image"],
  ['hotreload-gate-app', 'validate, gate', 'validate'],
] as const

await onNode(['reader', 'nginx', 'hotreload-agent'], main)

async function main(cluster: Cluster): Promise<void> {
  const namespace = `bench-start-${crypto.randomUUID().slice(0, 8)}`
  const kubectl = (argv: string[], input = '') =>
    run([cluster.kubectl, ...argv], { env: { ...process.env, KUBECONFIG: cluster.kubeconfig }, input })
  await kubectl(['create', 'namespace', namespace])
  try {
    await kubectl(['create', 'configmap', 'config', '--from-literal=config=one', '--namespace', namespace])
    await measureAll(createClient(await inNamespace(cluster.kubeconfig, namespace)))
  } finally {
    await kubectl(['delete', 'namespace', namespace, '--wait=false'])
  }
}

/** Prints both tables, and the cost of one container of each kind. */
async function measureAll(client: KubeClient): Promise<void> {
  const reader = { image: imageReference('reader') }
  const pods = await measured(variants, (variant, name) =>
    createToReady(client, name, template(variant, reader)),
  )
  console.log('\nPod: seconds from its creation until it is Ready')
  print(pods)
  for (const [what, one, other] of parts) console.log(`${what}: ${difference(pods, one, other)} s`)

  // The program runs long enough for the agent to start, as any Job that needs one. The image is nginx's, because busybox's `date` has no %N.
  const script = 'trap : HUP; sleep 2; date +%s%N >/dev/termination-log'
  const shell = { image: imageReference('nginx'), command: ['sh', '-c', script] }
  const withJobs = variants.filter(({ podsOnly }) => !podsOnly)
  const jobs = await measured(withJobs, (variant, name) =>
    endToComplete(client, name, template(variant, shell, { restartPolicy: 'Never' })),
  )
  console.log('\nJob: seconds from the end of its program until it is complete')
  print(jobs)
}

function difference(samples: Samples, one: string, other: string): string {
  const [from, to] = [samples.get(other) ?? [], samples.get(one) ?? []]
  return (median(to.map((value, round) => value - (from[round] ?? Number.NaN))) / 1_000).toFixed(2)
}

/** One unmeasured round warms everything up (unpacked layers, page cache, watch caches). */
async function measured(all: readonly Variant[], measure: Measure): Promise<Samples> {
  const samples = new Map(all.map(({ name }): [string, number[]] => [name, []]))
  for (let round = -1; round < rounds; round += 1)
    for (const turn of all.keys()) {
      const variant = all[(turn + Math.max(round, 0)) % all.length]
      if (!variant) continue
      const milliseconds = await measure(variant, `app-${crypto.randomUUID().slice(0, 8)}`)
      if (round >= 0) samples.get(variant.name)?.push(milliseconds)
    }
  return samples
}

function print(samples: Samples): void {
  const added = new Map(variants.map((variant) => [variant.name, variant.added.join(', ')]))
  for (const line of table(samples, (name) => added.get(name) ?? '')) console.log(line)
}

async function inNamespace(kubeconfig: string, namespace: string) {
  return { ...(await kubeconfigConnection(kubeconfig, namespace)), namespace }
}
