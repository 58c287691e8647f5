/** JSON lines on stdout. Messages are constant, what varies is in fields, and nothing of an object's content is among them. */
import { type Logger, pino } from 'pino'
import { UserError } from '../errors.ts'
import type { LogLevel } from './log-level.ts'

export type Log = Logger

/** @param destination file descriptor 1 where not given. No transport: its worker thread does not survive bundling. */
export function createLog(
  level: LogLevel,
  destination: { write(line: string): void } = pino.destination(1),
): Log {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  }
  return pino(options, destination)
}

/** How many frames tell where it was. */
const FRAMES = 6

/**
 * An error for a log line: a UserError in full, since its words were chosen. Of an unexpected one the message only where it is the
 * engine's own about names (TypeError, RangeError, ReferenceError): a SyntaxError, for one, quotes the text it could not parse.
 */
export function describeError(error: unknown): { error: string; stack?: string } {
  if (error instanceof UserError) return { error: error.message }
  if (!(error instanceof Error)) return { error: typeof error }
  const engine = error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError
  const code = 'code' in error && typeof error.code === 'string' ? ` ${error.code}` : ''
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line))
  const stack = frames.slice(0, FRAMES).map((line) => line.trim())
  return {
    error: engine ? `${error.name}: ${error.message.slice(0, 200)}` : `${error.name}${code}`,
    ...(stack.length > 0 ? { stack: stack.join('\n') } : {}),
  }
}
