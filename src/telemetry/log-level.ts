/** From the most talkative; apart from log.ts, so that the command line knows them without loading a logger. */
export const logLevels = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof logLevels)[number]
