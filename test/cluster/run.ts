// Runs other programs: to their end (run), or in the background as long as this process runs (start). Arguments are lists, without a shell.
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'

export interface RunOptions {
  /** The program's standard input, empty by default. */
  input?: string
  env?: NodeJS.ProcessEnv
  cwd?: string
  /** Gets standard error while the program runs. */
  onError?: (text: string) => void
  /** Milliseconds after which the program is killed (`code` is null); 10 minutes by default. */
  timeoutMs?: number
}

/** A program's output and exit code. `code` is null if a signal ended it. */
export interface Result {
  code: number | null
  stdout: string
  stderr: string
}

/** Runs a program to its end and returns its output for any exit code. Rejects only if the program can't be started. */
export function attempt(argv: readonly string[], options: RunOptions = {}): Promise<Result> {
  const [program = '', ...args] = argv
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: options.cwd, env: options.env ?? process.env })
    const output = { stdout: '', stderr: '' }
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      output.stderr += text
      options.onError?.(text)
    })
    child.stdin.on('error', () => undefined) // EPIPE: the program ended without reading, and its exit code has the reason
    child.stdin.end(options.input ?? '')
    const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 600_000)
    child.on('error', (error) => {
      clearTimeout(timer)
      reject(new Error(`${program} could not be started: ${error.message}`))
    })
    child.on('close', (code) => {
      clearTimeout(timer)
      resolve({ code, ...output })
    })
  })
}

/** Runs a program to its end and returns its standard output. Any exit code but 0 is an error that quotes the end of its output. */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await attempt(argv, options)
  if (code === 0) return stdout
  const words = (stderr.trim() || stdout.trim()).slice(-4000)
  throw new Error(`${argv.join(' ').slice(0, 400)}: exit code ${code ?? 'none (killed)'}\n${words}`)
}

/** A program in the background, with its output in a log file. */
export interface Background {
  name: string
  log: string
  child: ChildProcess
  /** Starts it again, with the same command line. */
  restart: () => void
}

/**
 * Starts a program that ends with this process, however this process ends: with setpriv, the kernel sends it `deathSignal` when its parent
 * ends (prctl(2), PR_SET_PDEATHSIG).
 */
export function start(
  name: string,
  argv: readonly string[],
  log: string,
  env = process.env,
  deathSignal: 'KILL' | 'TERM' = 'KILL',
): Background {
  const spawned = (): ChildProcess => spawnBound(argv, log, env, deathSignal)
  const program: Background = {
    name,
    log,
    child: spawned(),
    restart() {
      program.child = spawned()
    },
  }
  return program
}

function spawnBound(
  argv: readonly string[],
  log: string,
  env: NodeJS.ProcessEnv,
  deathSignal: string,
): ChildProcess {
  // If the parent has ended before that request to the kernel, the shell between them has another parent, and does not start the program.
  const orphaned = ['sh', '-c', '[ "$PPID" = "$0" ] && exec "$@"', String(process.pid)]
  const deathsig = ['setpriv', '--pdeathsig', deathSignal, '--', ...orphaned]
  const bound = existsSync('/usr/bin/setpriv') ? [...deathsig, ...argv] : [...argv]
  const output = openSync(log, 'a')
  const [program = '', ...args] = bound
  // Its own process group: Ctrl-C in a terminal reaches the keeper only, which then stops the programs.
  const child = spawn(program, args, { stdio: ['ignore', output, output], env, detached: true })
  child.on('error', () => undefined) // `ready` notices it by the missing pid
  closeSync(output)
  return child
}

/** Waits until `test` resolves to true. Fails at once, quoting the end of the log, if the program ends before. */
export async function ready(
  program: Background,
  test: () => Promise<boolean>,
  timeoutMs = 300_000,
): Promise<void> {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    const { exitCode, signalCode, pid } = program.child
    if (pid === undefined || exitCode !== null || signalCode !== null) {
      throw new Error(
        `${program.name} ended (${exitCode ?? signalCode ?? 'not started'}):\n${tail(program.log)}`,
      )
    }
    if (await test().catch(() => false)) return
    if (Date.now() > deadline) {
      throw new Error(`${program.name} not ready after ${timeoutMs / 1000} s:\n${tail(program.log)}`)
    }
    await pause(200)
  }
}

/** Resolves after this time. */
export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** The last lines of a log file. */
export function tail(path: string, lines = 25): string {
  if (!existsSync(path)) return `(no ${basename(path)})`
  return readFileSync(path, 'utf8').trimEnd().split('\n').slice(-lines).join('\n')
}
