/** JSON lines on stdout. Messages are constant, what varies is in fields, and nothing of an object's content is among them. */
import { type Logger, pino } from 'pino'
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
