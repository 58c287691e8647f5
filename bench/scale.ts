// Measures the controller and the webhook beside thousands of Pods, on a real API server: node bench/scale.ts [--size 0.1,0.4,1]
// 1 is 500 workloads with 5,000 Pods on 100 nodes, 20,000 ConfigMaps and 2,000 Secrets; the sizes grow in one run. There is no node: this program
// does what kubelets and agents would do (bench/scale/agents.ts). At the end, what a nudge costs the API server, and how many it takes.
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { mapLimit } from '../src/async/map-limit.ts'
import { processId } from '../test/cluster/processes.ts'
import { pause } from '../test/cluster/run.ts'
import { atRate, startWebhook } from './scale/admission.ts'
import { startNodes } from './scale/agents.ts'
import {
  CORE,
  createConfigMap,
  createPod,
  createSecret,
  createWorkload,
  makeReady,
  NAMESPACE,
  type NewPod,
  PLAIN,
} from './scale/objects.ts'
import { create, each, megabytes, prepareBench, queryState } from './support/controller-process.ts'
import { cpuSeconds } from './support/cpu.ts'

const { values: flags } = parseArgs({ options: { size: { type: 'string', default: '0.1,0.4,1' } } })
const SIZES = flags.size.split(',').map(Number)
/** At size 1. Each workload has PODS Pods, but one, which has MANY. */
const [WORKLOADS, PODS, MANY, CONFIG_MAPS, SECRETS] = [500, 8, 1_000, 20_000, 2_000]
const NODES = 100
const PODS_PER_SECOND = 200
/** Pods of each size that are created at that rate, and as many without the webhook; the others come as quickly as they can. */
const MEASURED = 1_000
const IDLE_SECONDS = 20
/** After it the checks begin, of so many workloads a second, and then they come in rounds of so many seconds. */
const [CHECKS_BEGIN_SECONDS, CHECKS_PER_SECOND, ROUND_SECONDS] = [30, 50, 600]
const MERGE = 'application/merge-patch+json'

const { cluster, kubectl, admin, start, stop } = await prepareBench(NAMESPACE)
await create(admin, '/api/v1/namespaces', { metadata: { name: PLAIN } })
await kubectl(['apply', '-k', 'deploy/secrets/cluster'])
const apiServer = processId(cluster, 'kube-apiserver')
const nodes = await startNodes(admin, NODES, `${CORE}/pods`)
const webhook = await startWebhook(kubectl)
/** Of what exists. */
const have = { workloads: 0, many: 0, configMaps: 0, secrets: 0, plain: 0 }
const pods: NewPod[] = []

try {
  await webhookIsCalled()
  for (const size of SIZES) {
    console.log(`\nsize ${size}`)
    await grow(size)
    await measure()
  }
  await measurePatches()
} finally {
  nodes.stop()
  webhook.stop()
  await stop()
}

/** The API server takes a moment to see a new configuration. */
async function webhookIsCalled(): Promise<void> {
  await createWorkload(admin, 'probe')
  for (let index = 0; ; index++) {
    if (await createPod(admin, { name: `probe-${index}`, workload: 'probe', node: 0 })) return
    await pause(100)
  }
}

async function grow(size: number): Promise<void> {
  const more = (what: keyof typeof have, full: number): number[] => {
    const from = have[what]
    have[what] = Math.max(from, Math.round(full * size))
    return Array.from({ length: have[what] - from }, (_, index) => from + index)
  }
  const all = <T>(items: readonly T[], make: (item: T) => Promise<void>) =>
    each(items.length, async (index) => make(items[index] as T))
  await all(more('configMaps', CONFIG_MAPS), (n) => createConfigMap(admin, `other-${n}`, 'x'.repeat(2_000)))
  await all(more('secrets', SECRETS), (n) => createSecret(admin, `other-${n}`))
  const workloads = more('workloads', WORKLOADS).map((n) => `web-${n}`)
  await all(have.many === 0 ? ['many', ...workloads] : workloads, (name) => createWorkload(admin, name))
  const named = [
    ...more('many', MANY).map((n) => ({ name: `many-${n}`, workload: 'many' })),
    ...workloads.flatMap((workload) =>
      Array.from({ length: PODS }, (_, n) => ({ name: `${workload}-${n}`, workload })),
    ),
  ]
  const added = named.map((pod, index) => ({ ...pod, node: (pods.length + index) % NODES }))
  pods.push(...added)
  await all(added.slice(MEASURED), async (pod) => void (await createPod(admin, pod)))
  await measureAdmission(added.slice(0, MEASURED), more('plain', MEASURED))
  await makeReady(admin, added, nodes)
}

/** Half of the Pods without a webhook come before, half after. */
async function measureAdmission(injected: readonly NewPod[], plain: readonly number[]): Promise<void> {
  const half = plain.length / 2
  const createPlain = (numbers: readonly number[]) =>
    createAtRate('no webhook', numbers, async (number) => {
      await createPod(admin, { name: `plain-${number}`, workload: 'plain', node: number % NODES }, PLAIN)
    })
  await createPlain(plain.slice(0, half))
  let lost = 0
  const cpu = cpuSeconds(webhook.pid)
  await createAtRate('webhook', injected, async (pod) => {
    if (!(await createPod(admin, pod))) lost += 1
  })
  const spent = ((cpuSeconds(webhook.pid) - cpu) / injected.length) * 1_000
  console.log(
    `  ${lost} of ${injected.length} reviews lost; ${spent.toFixed(2)} ms of the webhook's CPU each`,
  )
  await createPlain(plain.slice(half))
}

async function createAtRate<T>(
  what: string,
  items: readonly T[],
  make: (item: T) => Promise<void>,
): Promise<void> {
  const [from, cpu] = [performance.now(), cpuSeconds(apiServer)]
  const took = await atRate(PODS_PER_SECOND, items, make)
  const perSecond = (items.length / (performance.now() - from)) * 1_000
  const spent = ((cpuSeconds(apiServer) - cpu) / items.length) * 1_000
  const quantile = (share: number) => took[Math.floor(took.length * share)]?.toFixed(0)
  console.log(
    `  ${items.length} Pods, ${what}: ${perSecond.toFixed(0)} a second, p50 ${quantile(0.5)} ms, p99 ${quantile(0.99)} ms; ${spent.toFixed(1)} ms of the API server's CPU each`,
  )
}

async function measure(): Promise<void> {
  const { workloads, configMaps, secrets } = have
  console.log(`  ${workloads} workloads, ${pods.length} Pods, ${configMaps} ConfigMaps, ${secrets} Secrets`)
  const from = performance.now()
  const controller = await start()
  const cost = startCost()
  console.log(
    `  ready after ${seconds(performance.now() - from)}, ${cpuSeconds(controller.pid)} s of CPU, RSS ${megabytes(controller)}`,
  )
  await pause((CHECKS_BEGIN_SECONDS + workloads / CHECKS_PER_SECOND) * 1_000)
  await atRest()
  console.log(`  all Pods checked: ${await cost()}; RSS ${megabytes(controller)}`)
  const idle = startCost()
  await pause(IDLE_SECONDS * 1_000)
  console.log(`  idle for ${IDLE_SECONDS} s: ${await idle()}`)
  await measureEdit('web-0', PODS)
  await measureEdit('many', have.many)
  console.log(`  RSS at the end: ${megabytes(controller)}`)
  controller.kill('SIGKILL')
  await once(controller, 'exit')
  await kubectl(['delete', 'lease', '--all', '--namespace', 'hotreload-system'])

  /** What is spent until the returned function is called. */
  function startCost(): () => Promise<string> {
    const [cpu, api, before] = [cpuSeconds(controller.pid), cpuSeconds(apiServer), queryState(controller)]
    return async () => {
      const requests = (await queryState(controller)).calls - (await before).calls
      const spent = (pid: number | undefined, since: number) => (cpuSeconds(pid) - since).toFixed(1)
      return `${requests} requests, ${spent(controller.pid, cpu)} s of CPU (API server ${spent(apiServer, api)} s)`
    }
  }

  /** Resolves when the controller has made no more requests in five seconds than its rounds of checks do. */
  async function atRest(): Promise<void> {
    const usual = 3 + ((workloads * 5) / ROUND_SECONDS) * 2
    for (
      let last = Number.NEGATIVE_INFINITY, { calls } = await queryState(controller);
      calls - last > usual;
    ) {
      last = calls
      await pause(5_000)
      calls = (await queryState(controller)).calls
    }
  }

  async function measureEdit(name: string, count: number): Promise<void> {
    const names = Array.from({ length: count }, (_, index) => `${name}-${index}`)
    const cost = startCost()
    const at = Date.now()
    const body = { data: { config: `${at}` } }
    await admin.call({ method: 'PATCH', path: `${CORE}/configmaps/${name}`, body, contentType: MERGE })
    while (!names.every((one) => (nodes.nudgedAt.get(one) ?? 0) >= at)) await pause(20)
    const took = names.map((one) => (nodes.nudgedAt.get(one) ?? 0) - at)
    // Until it has asked all agents, and has written what it has to say.
    await pause(8_000)
    await atRest()
    console.log(
      `  edit for ${count} Pods: first nudged after ${seconds(Math.min(...took))}, last after ${seconds(Math.max(...took))}; ${await cost()}`,
    )
  }
}

/** Nudges all Pods as quickly as the API server takes it. */
async function measurePatches(): Promise<void> {
  const [from, cpu] = [performance.now(), cpuSeconds(apiServer)]
  const etcd = processId(cluster, 'etcd')
  const etcdCpu = cpuSeconds(etcd)
  const statuses = await mapLimit(pods, async ({ name }) => {
    const body = { metadata: { annotations: { 'hotreload.dev/nudge': new Date().toISOString() } } }
    const call = { method: 'PATCH', path: `${CORE}/pods/${name}`, body, contentType: MERGE } as const
    return (await admin.call(call)).status
  })
  const done = statuses.filter((status) => status === 200).length
  const perSecond = (done / (performance.now() - from)) * 1_000
  const spent = (pid: number, since: number) => (((cpuSeconds(pid) - since) / done) * 1_000).toFixed(2)
  console.log(
    `\n${done} of ${pods.length} nudges, 16 at once: ${perSecond.toFixed(0)} a second; ms of CPU each: API server ${spent(apiServer, cpu)}, etcd ${spent(etcd, etcdCpu)}`,
  )
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1_000).toFixed(2)} s`
}
