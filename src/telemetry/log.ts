/** JSON lines on stdout. Messages are constant, fields carry what varies, and neither holds any of an object's content. */
import { type Logger, pino } from 'pino'
import type { LogLevel } from './log-level.ts'

export type Log = Logger

/** @param destination file descriptor 1 by default. No pino transport: its worker thread does not survive bundling. */
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
