// node bench/webhook.ts [--seconds N]
// Measures the webhook against a bare fastify and a bare node:https server, in one run: TLS keep-alive, a real Pod's review from an API
// server, the server on core 0, the load on core 1. The result is the ratio of CPU time, because requests per second depend on the client, too.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { podHandler } from '../src/admission/pod-handler.ts'
import { readReview } from '../src/admission/review.ts'
import { builtInDefaults } from '../src/policy/defaults.ts'
import { issueAuthority, issueServing } from '../src/tls/issue.ts'
import { AGENT_IMAGE, VERSION } from '../src/version.ts'
import { type Launch, SHIPPED } from './support/shipped.ts'
import type { Job, LoadResult } from './webhook/load.ts'

const variants = ['node:https', 'fastify', 'server alone', 'hotreload'] as const
/** The defaults of Node.js. */
const BARE: Launch = { flags: [], environment: {} }

/** More loads for hotreload. Each Pod is the first of its template, so that no answer comes from the cache. */
const FIRST_PODS = 'first Pods'
/** Deployments of the same template, as they are created: no answer is kept, and a reader answers at once for the API server. */
const WORKLOADS = 'workloads'
const concurrencies = [1, 8, 64]

/** Alternating, so that other work on the machine affects all variants alike. */
const ROUNDS = 3

/** Of each server. V8 compiles code that runs once in a request after thousands of them: until then the longest path costs up to twice as much. */
const WARM_UP_REQUESTS = 30_000

const { values: flags } = parseArgs({ options: { seconds: { type: 'string', default: '2' } } })
const seconds = Number(flags.seconds)
const body = JSON.stringify(
  JSON.parse(await readFile(new URL('webhook/review.json', import.meta.url), 'utf8')),
)
const directory = await mkdtemp(join(tmpdir(), 'hotreload-bench-'))
const children: ChildProcess[] = []
try {
  await main()
} finally {
  for (const child of children) child.kill('SIGKILL')
  await rm(directory, { recursive: true })
}

async function main(): Promise<void> {
  const authority = await issueAuthority(new Date())
  const { cert, key } = await issueServing(authority, ['localhost'], new Date())
  const patch = await patchOf(body)
  await Promise.all([
    writeFile(join(directory, 'tls.crt'), cert),
    writeFile(join(directory, 'tls.key'), key, { mode: 0o600 }),
    writeFile(join(directory, 'patch.base64'), patch),
  ])
  const load = start(1, 'load.ts', [], BARE)
  await message(load)
  const servers = await Promise.all(
    [...variants, FIRST_PODS, WORKLOADS].map(async (variant) => {
      const isOurs = variant !== 'node:https' && variant !== 'fastify'
      const argv = [variant === FIRST_PODS || variant === WORKLOADS ? 'hotreload' : variant, directory]
      const child = start(0, 'server.ts', argv, isOurs ? SHIPPED : BARE)
      const { port } = (await message(child)) as { port: number }
      return { variant, child, port }
    }),
  )
  const job = (
    { variant, port }: { variant: string; port: number },
    concurrency: number,
    milliseconds: number,
  ): Promise<LoadResult> => {
    const ownTemplates = variant === FIRST_PODS
    const request =
      variant === WORKLOADS
        ? { path: '/mutate/workloads', body: deploymentReview(body) }
        : { path: '/mutate/pods', body }
    const job = { port, ca: authority.cert, ...request, ownTemplates, concurrency, milliseconds }
    load.send(job satisfies Job)
    return message(load) as Promise<LoadResult>
  }
  for (const server of servers)
    for (let sent = 0; sent < WARM_UP_REQUESTS; ) sent += (await job(server, 8, 2_000)).requests

  console.log(
    `review ${body.length} bytes, patch ${patch.length} bytes of base64, ${ROUNDS} rounds of ${seconds} s, best round`,
  )
  console.log('concurrency  server         req/s   p50 µs   p99 µs  CPU µs/req  / node:https  / fastify')
  for (const concurrency of concurrencies) {
    const best = new Map<string, Sample>()
    for (let round = 0; round < ROUNDS; round += 1)
      for (const server of servers) {
        const { variant, child } = server
        const before = await usage(child)
        const result = await job(server, concurrency, seconds * 1_000)
        const after = await usage(child)
        const cpu = (after.cpuMicroseconds - before.cpuMicroseconds) / result.requests
        const sample = { ...result, cpu }
        if (cpu < (best.get(variant)?.cpu ?? Number.POSITIVE_INFINITY)) best.set(variant, sample)
      }
    for (const [variant, sample] of best) console.log(row(concurrency, variant, sample, best))
  }
  for (const { variant, child } of servers)
    console.log(`${variant}: ${((await usage(child)).rssBytes / 1e6).toFixed(0)} MB resident after the run`)
}

interface Sample extends LoadResult {
  /** Microseconds of CPU time per request, of all threads of the server. */
  cpu: number
}

function row(concurrency: number, variant: string, sample: Sample, all: ReadonlyMap<string, Sample>): string {
  const ratio = (to: string) => (sample.cpu / (all.get(to)?.cpu ?? Number.NaN)).toFixed(2)
  return [
    String(concurrency).padStart(11),
    variant.padEnd(12),
    Math.round((sample.requests / sample.milliseconds) * 1_000)
      .toString()
      .padStart(7),
    String(sample.p50).padStart(8),
    String(sample.p99).padStart(8),
    sample.cpu.toFixed(0).padStart(11),
    ratio('node:https').padStart(13),
    ratio('fastify').padStart(10),
  ].join(' ')
}

/** The review of a Deployment whose template is the reviewed Pod's, with the opt-in in its own metadata. */
function deploymentReview(text: string): string {
  const review = JSON.parse(text)
  const { metadata, spec } = review.request.object
  const { annotations, generateName: _, ownerReferences: __, managedFields, ...rest } = metadata
  const { 'hotreload.dev/inject': inject, 'hotreload.dev/mirrored': ___, ...others } = annotations
  const object = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name: 'web',
      namespace: 'shop',
      annotations: { 'hotreload.dev/inject': inject },
      managedFields,
    },
    spec: { replicas: 3, template: { metadata: { ...rest, annotations: others }, spec } },
  }
  const kind = { group: 'apps', version: 'v1', kind: 'Deployment' }
  return JSON.stringify({ ...review, request: { ...review.request, kind, object, oldObject: null } })
}

/** The patch of the real handler's answer, which the bare servers send too. */
async function patchOf(text: string): Promise<string> {
  const handler = podHandler({ agentImage: AGENT_IMAGE, version: VERSION, defaults: () => builtInDefaults })
  const { outcome, patch } = await handler(readReview(JSON.parse(text)))
  if (patch === undefined) throw new Error(`the Pod of the benchmark was not injected but ${outcome}`)
  return patch
}

/** A child process on one core, with IPC. */
function start(
  core: number,
  file: string,
  argv: string[],
  { flags: nodeFlags, environment }: Launch,
): ChildProcess {
  const path = join(import.meta.dirname, 'webhook', file)
  const command = ['--cpu-list', String(core), process.execPath, ...nodeFlags, path, ...argv]
  const child = spawn('taskset', command, {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: { ...process.env, ...environment },
  })
  children.push(child)
  return child
}

function message(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null) => reject(new Error(`a process of the benchmark ended with ${code}`))
    child.once('exit', ended).once('message', (received) => {
      child.off('exit', ended)
      resolve(received)
    })
  })
}

async function usage(child: ChildProcess): Promise<{ cpuMicroseconds: number; rssBytes: number }> {
  child.send('usage')
  return (await message(child)) as { cpuMicroseconds: number; rssBytes: number }
}
