/** A mistake of the user's: a stable code, what is wrong, and what to do about it. Every code is documented in docs/errors.md. */
export class UserError extends Error {
  readonly code: string
  readonly problem: string
  readonly remedy: string

  /**
   * @param code stable, HR_UPPER_CASE; users search for it
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

/** What went wrong, for a log line. What is thrown around the controller quotes nothing that a Secret holds. */
export const describeProblem = (error: unknown): string =>
  error instanceof Error ? error.message.slice(0, 300) : typeof error
