/** From the most to the least verbose. Apart from log.ts, so that the command line can read them without loading the logger. */
export const logLevels = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof logLevels)[number]
