/** Counts each refused request, and logs a sample: anybody who reaches the port can cause refusals as fast as the network allows. */
import type { ServerOptions } from '../../../admission/server.ts'
import type { Log } from '../../../telemetry/log.ts'
import type { Metrics } from '../../../telemetry/metrics.ts'

/** Of one code: at most one line in this time. */
const PERIOD_MILLISECONDS = 10_000

export function refusalReport(log: Log, metrics: Metrics): ServerOptions['onRefused'] {
  /** When the next line of a code may be written, and how many refusals have had none since the last. Codes are a closed set. */
  const codes = new Map<string, { next: number; unlogged: number }>()
  return (code, status, message) => {
    metrics.refused(code)
    const now = performance.now()
    const state = codes.get(code) ?? { next: now, unlogged: 0 }
    codes.set(code, state)
    if (now < state.next) {
      state.unlogged += 1
      return
    }
    const { unlogged } = state
    codes.set(code, { next: now + PERIOD_MILLISECONDS, unlogged: 0 })
    // Under overload, even a line would take of the capacity that is left.
    const level = code === 'HR_OVERLOADED' ? 'debug' : 'warn'
    log[level]({ code, status, problem: message, ...(unlogged > 0 ? { unlogged } : {}) }, 'request refused')
  }
}
