// node bench/nudge.ts [--rounds N] [--slow-rounds N]
// Measures the time from `kubectl apply` of a ConfigMap until the programs that use it have loaded it, with the controller's nudge and without, on
// a real node whose kubelet refreshes volumes every 60 to 90 s. 1, 10 and 50 Pods. The programs log their loads, and the container runtime's
// timestamps of those lines count. On our own node also what a nudged Pod costs its kubelet. Takes about ten minutes; a round without the nudge takes a minute and a half.
import { parseArgs } from 'node:util'
import type { Cluster } from '../test/cluster/cluster.ts'
import { imageReference } from '../test/cluster/images.ts'
import { processId } from '../test/cluster/processes.ts'
import { pause, run } from '../test/cluster/run.ts'
import { settled, startTestController } from '../test/support/controller.ts'
import { configMap } from '../test/support/reload-manifests.ts'
import { loadsOf, manifests, nameOf, type Round, summary } from './nudge/pods.ts'
import { cpuSeconds } from './support/cpu.ts'
import { onNode, say } from './support/on-node.ts'

const { values: flags } = parseArgs({
  options: { rounds: { type: 'string', default: '20' }, 'slow-rounds': { type: 'string', default: '2' } },
})
const SIZES = [1, 10, 50]
/** Long enough for the controller's work after an edit: it queries agents and nudges Pods again that have not loaded. */
const BETWEEN_ROUNDS = 2_500
const IDLE = 20_000

await onNode(['reader', 'hotreload-agent'], main)

async function main(cluster: Cluster): Promise<void> {
  const id = crypto.randomUUID().slice(0, 8)
  const [namespace, own] = [`bench-nudge-${id}`, `bench-nudge-${id}-own`]
  const env = { ...process.env, KUBECONFIG: cluster.kubeconfig }
  const kubectl = (argv: string[], input = '') =>
    run([cluster.kubectl, '--namespace', namespace, ...argv], { env, input })
  const apply = (objects: readonly object[]) =>
    kubectl(['apply', '-f', '-'], objects.map((object) => JSON.stringify(object)).join('\n---\n'))
  try {
    await kubectl(['create', 'namespace', own])
    await kubectl(['create', 'namespace', namespace])
    await kubectl(['label', 'namespace', namespace, 'hotreload.dev/injection=enabled'])
    await apply(SIZES.flatMap((pods) => manifests(pods, imageReference('reader'))))
    for (const pods of SIZES)
      await kubectl(['rollout', 'status', `deployment/${nameOf(pods)}`, '--timeout=300s'])
    say('all Pods are ready')
    await measureAll(cluster, { namespace, own, kubectl, apply })
  } finally {
    await kubectl(['delete', 'namespace', namespace, own, '--wait=false'])
  }
}

/** Seconds of a process's CPU; 0 without a process. */
async function cpuWhile(pid: number | undefined, run: () => Promise<unknown>): Promise<number> {
  const before = pid === undefined ? 0 : cpuSeconds(pid)
  await run()
  return pid === undefined ? 0 : cpuSeconds(pid) - before
}

interface Setup {
  namespace: string
  own: string
  kubectl: (argv: string[]) => Promise<string>
  apply: (objects: readonly object[]) => Promise<string>
}

async function measureAll(cluster: Cluster, { namespace, own, kubectl, apply }: Setup): Promise<void> {
  /** The size of the configuration in bytes, which tells apart the programs' log lines. */
  let bytes = 1
  const edit = async (sizes: readonly number[]): Promise<Round[]> => {
    bytes += 1
    const config = 'x'.repeat(bytes)
    const began = Date.now()
    await apply(sizes.map((pods) => configMap(nameOf(pods), { config })))
    const applied = Date.now() - began
    return Promise.all(
      sizes.map(async (pods) => {
        const loads = await loadsOf(kubectl, pods, bytes)
        return { applied, loads: loads.map((at) => at - began) }
      }),
    )
  }

  const slow = Number(flags['slow-rounds'])
  const alone: Round[][] = []
  for (let round = 0; round < slow; round += 1) alone.push(await edit(SIZES))
  const kubelet = cluster.own ? processId(cluster, 'kubelet') : undefined
  /** Seconds of the kubelet's CPU in a second without an edit. */
  const idle = kubelet === undefined ? 0 : (await cpuWhile(kubelet, () => pause(IDLE))) / (IDLE / 1_000)
  // Limited to this namespace: others may use the cluster at the same time.
  const controller = await startTestController(own, { kubeconfig: cluster.kubeconfig, only: [namespace] })
  await settled(controller)
  for (const [index, pods] of SIZES.entries()) {
    const nudged: Round[] = []
    let cpu = 0
    // One unmeasured round warms everything up.
    for (let round = -1; round < Number(flags.rounds); round += 1) {
      const began = performance.now()
      let rounds: Round[] = []
      const spent = await cpuWhile(kubelet, async () => {
        rounds = await edit([pods])
        await pause(BETWEEN_ROUNDS)
      })
      if (round < 0) continue
      nudged.push(...rounds)
      cpu += spent - (idle * (performance.now() - began)) / 1_000
    }
    // That of one Pod is less than what the kubelet's other work varies by.
    if (kubelet !== undefined && pods > 1)
      console.log(
        `${pods} Pods: ${((cpu * 1_000) / (pods * nudged.length)).toFixed(1)} ms of the kubelet's CPU for a nudged Pod`,
      )
    console.log(`${pods} Pods, with the nudge:    ${summary(nudged)}`)
    if (slow > 0)
      console.log(`${pods} Pods, without the nudge: ${summary(alone.flatMap((all) => all[index] ?? []))}`)
  }
  await controller.stop()
}
