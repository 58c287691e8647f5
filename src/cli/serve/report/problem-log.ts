/** Logs the problem of something that is tried again and again: once, until it is another problem or has gone. */
import { describeError, UserError } from '../../../errors.ts'
import type { Log } from '../../../telemetry/log.ts'

export interface ProblemLog {
  /** @returns the problem in words */
  failed: (error: unknown) => string
  succeeded: () => void
}

/** @param message constant, as of every log line */
export function createProblemLog(log: Log, message: string): ProblemLog {
  let last: string | undefined
  return {
    failed(error) {
      const fields = describeError(error)
      // A Secret that the controller has not created yet is no error: the parts of an install start in any order.
      const level = error instanceof UserError && error.code === 'HR_NO_SECRET' ? 'warn' : 'error'
      if (fields.error !== last) log[level](fields, message)
      last = fields.error
      return fields.error
    },
    succeeded() {
      last = undefined
    },
  }
}
