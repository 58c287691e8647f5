/** Writes answers: JSON or YAML for programs, a table for people. Colours appear only on a terminal without NO_COLOR. */
import { stringify } from 'yaml'
import type { Output } from './query-flags.ts'

export interface Terminal extends NodeJS.WritableStream {
  isTTY?: boolean
  columns?: number
}

/** The parts of `process` that a query uses. */
export interface QueryIo {
  stdin: NodeJS.ReadableStream
  stdout: Terminal
  stderr: Terminal
  env: NodeJS.ProcessEnv
}

/** Of JSON and YAML: docs/cli.md says what stays as it is within a version. */
const API_VERSION = 'cli.hotreload.dev/v1'

/** What a command found, for programs. */
export interface Answer {
  kind: 'ExplanationList' | 'FindingList' | 'AgentStatusList'
  items: readonly unknown[]
}

/**
 * @param table for people; `columns` is the terminal's width (undefined: no terminal)
 */
export function writeAnswer(
  io: QueryIo,
  output: Output,
  answer: Answer,
  table: (columns: number | undefined) => string,
): void {
  const value = { apiVersion: API_VERSION, ...answer }
  if (output === 'json') io.stdout.write(`${JSON.stringify(value, null, 2)}\n`)
  else if (output === 'yaml') io.stdout.write(stringify(value, { version: '1.1', lineWidth: 0 }))
  else io.stdout.write(coloured(table(io.stdout.isTTY === true ? io.stdout.columns : undefined), io))
}

const colours: Readonly<Record<string, number>> = {
  ok: 32,
  warning: 33,
  problem: 31,
  unknown: 33,
  loaded: 32,
  signalled: 32,
  unconfirmed: 33,
  refused: 31,
  invalid: 31,
  held: 31,
  unproved: 31,
  reverted: 31,
  unhealthy: 31,
  killed: 31,
  error: 31,
  removed: 31,
  unreachable: 33,
  'not injected': 31,
  'not gated': 31,
  reloaded: 32,
  restarted: 32,
  'rolled out': 33,
  'left alone': 33,
  nothing: 31,
}

/** The kubelet's words for what does not run: CrashLoopBackOff, ErrImagePull, Error, OOMKilled. They are red. */
const FAILURE = '\\w*(?:BackOff|Err|Killed)\\w*'

/** Colours a state that is a column of its own: the gap between columns, or the end of the line, follows it. */
function coloured(text: string, { stdout, env }: QueryIo): string {
  // https://no-color.org: any value but the empty one counts.
  if (stdout.isTTY !== true || (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb') return text
  const words = new RegExp(`(?<=^| {3})(${[...Object.keys(colours), FAILURE].join('|')})(?= {3}|$)`, 'gm')
  return text.replaceAll(words, (word) => `\u001b[${colours[word] ?? 31}m${word}\u001b[0m`)
}

export interface ProgressLine {
  show: (text: string) => void
  end: () => void
}

/** One line of standard error that is overwritten, on a terminal; nothing elsewhere. */
export function progressLine({ stderr }: QueryIo): ProgressLine {
  if (stderr.isTTY !== true) return { show() {}, end() {} }
  const write = (text: string) => stderr.write(`\r\u001b[K${text.slice(0, (stderr.columns ?? 80) - 1)}`)
  return { show: write, end: () => write('') }
}
