// Measures the time from the rename of `..data` to the signal's arrival in the program, over 1,000 swaps like the kubelet's, for the agent
// as it is, with a validator, with a gate, and for a bare inotify+kill loop. They take turns in one run. The validator does nothing, or is
// nginx -t where there is an nginx. Also the binary's size, idle memory, idle CPU time, and signals per swap.
// node bench/agent.ts [swaps]; needs `cargo build --release --bins --example bare` in agent/.
import { type ChildProcess, execFileSync, fork, spawn } from 'node:child_process'
import {
  existsSync,
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
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const release = new URL('../agent/target/release/', import.meta.url).pathname
const AGENT = join(release, 'hotreload-agent')
const swaps = Number(process.argv[2] ?? 1000)
/** Between two swaps, long enough for the agent to become idle again. */
const PAUSE_MS = 5
const FIRST_PORT = 29467

/** Swaps as the kubelet's AtomicWriter does. @returns the time of the rename */
function swap(volume: string, round: number): bigint {
  const directory = `..round-${round}`
  mkdirSync(join(volume, directory), { recursive: true })
  writeFileSync(join(volume, directory, 'nginx.conf'), `events {} # ${round}\n${'# comment\n'.repeat(410)}`)
  symlinkSync(directory, join(volume, '..data_tmp'))
  const before = round === 0 ? undefined : readlinkSync(join(volume, '..data'))
  const at = process.hrtime.bigint()
  renameSync(join(volume, '..data_tmp'), join(volume, '..data'))
  if (before !== undefined) rmSync(join(volume, before), { recursive: true })
  else symlinkSync('..data/nginx.conf', join(volume, 'nginx.conf'))
  return at
}

/** What reloads the program. */
interface Variant {
  label: string
  /** Where the kubelet would write, and what the validator reads, below the agent's directory. */
  volume: 'vol/conf' | 'live/conf'
  start: (root: string, target: ChildProcess, name: string, port: number) => ChildProcess
}

const bare: Variant = {
  label: 'bare inotify+kill',
  volume: 'vol/conf',
  start: (root, target) =>
    spawn(join(release, 'examples/bare'), [join(root, 'vol/conf'), `${target.pid}`], { stdio: 'ignore' }),
}

/** The words of a command for the file that it judges. `state` is a directory that it may write. */
type Validator = (file: string, state: string) => string[]

function agent(label: string, validator?: Validator, isGated = false): Variant {
  return {
    label,
    volume: isGated ? 'live/conf' : 'vol/conf',
    start(root, _target, name, port) {
      const file = join(root, isGated ? 'gate/conf/candidate' : 'vol/conf', 'nginx.conf')
      const flags = [
        '--container=web',
        '--volume=conf',
        '--reload=signal',
        '--signal=SIGHUP',
        `--process=${name}`,
        `--port=${port}`,
        ...(validator ? [`--validate=${JSON.stringify(validator(file, join(root, 'state')))}`] : []),
        ...(isGated ? ['--gate=strict', '--gated=conf'] : []),
      ]
      const options = { env: { HOTRELOAD_ROOT: root }, stdio: 'ignore' } as const
      if (isGated) execFileSync(AGENT, ['gate', ...flags], options)
      return spawn(AGENT, ['watch', ...flags], options)
    },
  }
}

class Measurement {
  readonly label: string
  readonly microseconds: number[] = []
  readonly #root = mkdtempSync(join(tmpdir(), 'hotreload-bench-'))
  readonly #arrivals: bigint[] = []
  readonly #volume: string
  readonly #target: ChildProcess
  readonly #program: ChildProcess

  private constructor(variant: Variant, target: ChildProcess, name: string, port: number) {
    this.label = variant.label
    this.#volume = join(this.#root, variant.volume)
    for (const directory of [variant.volume, 'state', 'gate/conf', 'approve/..empty'])
      mkdirSync(join(this.#root, directory), { recursive: true })
    symlinkSync('..empty', join(this.#root, 'approve/..data'))
    swap(this.#volume, 0)
    this.#target = target
    target.on('message', (at) => {
      if (typeof at === 'string') this.#arrivals.push(BigInt(at))
    })
    this.#program = variant.start(this.#root, target, name, port)
  }

  static async start(variant: Variant, index: number): Promise<Measurement> {
    const name = `b${index}-${process.pid % 100000}`
    const target = fork(new URL('./agent/target.ts', import.meta.url), [name])
    await new Promise((ready) => target.once('message', ready))
    return new Measurement(variant, target, name, FIRST_PORT + index)
  }

  async swapOnce(round: number): Promise<void> {
    const before = this.#arrivals.length
    const at = swap(this.#volume, round)
    while (this.#arrivals.length === before) await sleep(1)
    this.microseconds.push(Number((this.#arrivals[before] ?? at) - at) / 1000)
    await sleep(PAUSE_MS)
  }

  /** Its program's resident memory, kB. */
  memory(): string {
    const status = readFileSync(`/proc/${this.#program.pid}/status`, 'utf8')
    return /VmRSS:\s*(\d+)/.exec(status)?.[1] ?? '?'
  }

  /** Clock ticks (10 ms) of CPU time. */
  ticks(): number {
    const fields = readFileSync(`/proc/${this.#program.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    return Number(fields[11]) + Number(fields[12])
  }

  signals(): number {
    return this.#arrivals.length
  }

  stop(): void {
    this.#program.kill('SIGTERM')
    this.#target.kill('SIGKILL')
    rmSync(this.#root, { recursive: true })
  }
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0) / 1000
}

/** The least that a process can do and say yes: a static program that prints a line. */
const nothing: Validator = () => [AGENT, '--version']
const nginx = ['/usr/sbin/nginx', join(homedir(), '.cache/hotreload/nginx/usr/sbin/nginx')].find((path) =>
  existsSync(path),
)
const nginxTest: Validator = (file, state) => {
  const settings = `pid ${state}/nginx.pid;`
  return [nginx ?? '', '-t', '-q', '-c', file, '-e', 'stderr', '-g', settings]
}

/** Milliseconds that a validator takes when a shell runs it. */
function alone(validator: Validator): string {
  const root = mkdtempSync(join(tmpdir(), 'hotreload-bench-'))
  swap(root, 0)
  const words = validator(join(root, 'nginx.conf'), root).map((word) => `'${word}'`)
  const from = performance.now()
  execFileSync('sh', ['-c', `for run in $(seq 500); do ${words.join(' ')} || exit; done`], {
    stdio: 'ignore',
  })
  const took = (performance.now() - from) / 500
  rmSync(root, { recursive: true })
  return `${took.toFixed(3)} ms`
}

console.log(`agent binary: ${statSync(AGENT).size} bytes; ${swaps} swaps`)
const all: Measurement[] = []
const variants = [
  agent('agent'),
  agent('validator', nothing),
  agent('gate', nothing, true),
  ...(nginx ? [agent('nginx -t', nginxTest), agent('gate, nginx -t', nginxTest, true)] : []),
  bare,
]
try {
  for (const [index, variant] of variants.entries()) all.push(await Measurement.start(variant, index))
  await sleep(500)
  const idle = all.map((one) => ({ memory: one.memory(), ticks: one.ticks() }))
  await sleep(5000)
  const idleMs = all.map((one, index) => (one.ticks() - (idle[index]?.ticks ?? 0)) * 10)
  for (let round = 1; round <= swaps; round++) for (const one of all) await one.swapOnce(round)
  await sleep(200)
  console.log(`the validator alone: ${alone(nothing)}${nginx ? `, nginx -t ${alone(nginxTest)}` : ''}`)
  const plain = percentile(all[0]?.microseconds ?? [], 0.5)
  for (const [index, one] of all.entries()) {
    const [p50, p99] = [percentile(one.microseconds, 0.5), percentile(one.microseconds, 0.99)]
    const latency = `p50 ${p50.toFixed(3)} ms (${(p50 / plain).toFixed(1)} of agent), p99 ${p99.toFixed(3)} ms`
    const rss = `idle RSS ${idle[index]?.memory} kB, after ${one.memory()} kB`
    const signals = (one.signals() / swaps).toFixed(3)
    console.log(
      `${one.label}: ${latency}, signals per swap ${signals}, ${rss}, idle CPU ${idleMs[index]} ms in 5 s`,
    )
  }
} finally {
  for (const one of all) one.stop()
}
