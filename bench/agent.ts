// Measures the time from the rename of `..data` to the signal's arrival in the program, over 1,000 swaps like the kubelet's, for the agent
// and, in the same run, for a bare inotify+kill loop. Also the binary's size, idle memory, idle CPU time, and signals per swap.
// node bench/agent.ts [swaps]; needs `cargo build --release --bins --example bare` in agent/.
import { type ChildProcess, fork, spawn } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const release = new URL('../agent/target/release/', import.meta.url).pathname
const swaps = Number(process.argv[2] ?? 1000)
/** Between two swaps, long enough for the agent to become idle again. */
const PAUSE_MS = 5

interface Result {
  readonly microseconds: number[]
  readonly signals: number
}

/** Swaps as the kubelet's AtomicWriter does. @returns the time of the rename */
function swap(volume: string, round: number): bigint {
  const directory = `..round-${round}`
  mkdirSync(join(volume, directory))
  writeFileSync(join(volume, directory, 'nginx.conf'), `# ${round}\n${'x'.repeat(4096)}`)
  symlinkSync(directory, join(volume, '..data_tmp'))
  const before = round === 0 ? undefined : readlinkSync(join(volume, '..data'))
  const at = process.hrtime.bigint()
  renameSync(join(volume, '..data_tmp'), join(volume, '..data'))
  if (before !== undefined) rmSync(join(volume, before), { recursive: true })
  else symlinkSync('..data/nginx.conf', join(volume, 'nginx.conf'))
  return at
}

async function measure(volume: string, target: ChildProcess): Promise<Result> {
  const arrivals: bigint[] = []
  target.on('message', (at) => {
    if (typeof at === 'string') arrivals.push(BigInt(at))
  })
  const microseconds: number[] = []
  for (let round = 1; round <= swaps; round++) {
    const before = arrivals.length
    const at = swap(volume, round)
    while (arrivals.length === before) await sleep(1)
    const arrival = arrivals[before] ?? at
    microseconds.push(Number(arrival - at) / 1000)
    await sleep(PAUSE_MS)
  }
  await sleep(200)
  return { microseconds, signals: arrivals.length }
}

async function startTarget(name: string): Promise<ChildProcess> {
  const target = fork(new URL('./agent/target.ts', import.meta.url), [name])
  await new Promise((ready) => target.once('message', ready))
  return target
}

function percentile(values: number[], share: number): string {
  const sorted = values.toSorted((a, b) => a - b)
  return ((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0) / 1000).toFixed(3)
}

function memory(pid: number | undefined): string {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return /VmRSS:\s*(\d+)/.exec(status)?.[1] ?? '?'
}

/** Clock ticks (10 ms) of CPU time. */
function ticks(pid: number | undefined): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return Number(fields[11]) + Number(fields[12])
}

async function run(
  label: string,
  command: (root: string, target: ChildProcess, name: string) => ChildProcess,
): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), 'hotreload-bench-'))
  const volume = join(root, 'vol/conf')
  mkdirSync(volume, { recursive: true })
  mkdirSync(join(root, 'state'))
  swap(volume, 0)
  const name = `bench${process.pid % 100000}`
  const target = await startTarget(name)
  const program = command(root, target, name)
  try {
    await sleep(500)
    const before = ticks(program.pid)
    const idle = memory(program.pid)
    await sleep(5000)
    const idleTicks = ticks(program.pid) - before
    const { microseconds, signals } = await measure(volume, target)
    const latency = `p50 ${percentile(microseconds, 0.5)} ms, p99 ${percentile(microseconds, 0.99)} ms`
    const rss = `idle RSS ${idle} kB, after ${memory(program.pid)} kB`
    console.log(
      `${label}: ${latency}, signals per swap ${(signals / swaps).toFixed(3)}, ${rss}, idle CPU ${idleTicks * 10} ms in 5 s`,
    )
  } finally {
    program.kill('SIGTERM')
    target.kill('SIGKILL')
    rmSync(root, { recursive: true })
  }
}

console.log(`agent binary: ${statSync(join(release, 'hotreload-agent')).size} bytes; ${swaps} swaps`)
const flags = [
  'watch',
  '--container=web',
  '--volume=conf',
  '--reload=signal',
  '--signal=SIGHUP',
  '--port=29467',
]
await run('agent', (root, _target, name) =>
  spawn(join(release, 'hotreload-agent'), [...flags, `--process=${name}`], {
    env: { HOTRELOAD_ROOT: root },
    stdio: 'ignore',
  }),
)
await run('bare inotify+kill', (root, target) =>
  spawn(join(release, 'examples/bare'), [join(root, 'vol/conf'), String(target.pid)], { stdio: 'ignore' }),
)
