/** A mistake that a user can correct: a stable code, what is wrong, and what to do. docs/errors.md documents every code. */
export class UserError extends Error {
  readonly code: string
  readonly problem: string
  readonly remedy: string

  /**
   * @param code stable, HR_UPPER_CASE, since users search for it
   * @param problem names the field and the value, e.g. `hotreload.dev/signal: "HUPP" is not a signal`
   * @param remedy what to do, e.g. `use a name such as SIGHUP or a number from 1 to 31`
   */
  constructor(code: string, problem: string, remedy: string) {
    super(`${problem}; ${remedy} [${code}]`)
    this.name = 'UserError'
    this.code = code
    this.problem = problem
    this.remedy = remedy
  }
}

/** Of the stack, in a log line. */
const FRAMES = 6

/**
 * An error as fields of a log line. A UserError is logged in full, since we chose its words. The message of any other error is logged
 * only where the engine wrote it about names (TypeError, RangeError, ReferenceError): a SyntaxError, for one, quotes the text that it
 * could not parse, and that may be a Secret's.
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
