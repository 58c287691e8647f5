/** One log line and one metrics sample for each review. */
import type { Answered } from '../../../admission/server.ts'
import { describeError } from '../../../errors.ts'
import type { Log } from '../../../telemetry/log.ts'
import type { LogLevel } from '../../../telemetry/log-level.ts'
import type { Metrics } from '../../../telemetry/metrics.ts'
import { apiVersionOf, kindLabel } from '../../../workload/kinds.ts'

/** The longest namespace or kind, and the longest name, that Kubernetes allows. Anybody could send longer ones. */
const [MAX_LABEL, MAX_NAME] = [63, 253]

/** `generateName` comes from the object, whose fields nobody has checked. */
const cut = (text: unknown, length: number): string | undefined =>
  typeof text === 'string' ? text.slice(0, length) : undefined

/** Reviews that changed nothing are logged at level debug only. */
export function reportReview(
  { webhook, request, answer, seconds, error }: Answered,
  log: Log,
  metrics: Metrics,
): void {
  const { outcome, reason } = answer
  const { uid, kind, namespace, name, operation, dryRun, object } = request
  metrics.answered({
    kind: kindLabel({ apiVersion: apiVersionOf(kind), kind: kind.kind }),
    outcome,
    reason,
    seconds,
  })
  const level = levelOf(outcome, error)
  if (!log.isLevelEnabled(level)) return
  const fields = {
    uid,
    webhook,
    kind: cut(kind.kind, MAX_LABEL),
    namespace: cut(namespace, MAX_LABEL),
    // A controller's Pod has no name yet.
    name: cut(name ?? object?.metadata?.generateName, MAX_NAME),
    operation,
    dryRun,
    outcome,
    reason,
    milliseconds: Math.round(seconds * 1e5) / 100,
  }
  if (error === undefined) log[level](fields, 'review answered')
  else log.error({ ...fields, ...describeError(error) }, 'review not understood; allowed unchanged')
}

function levelOf(outcome: Answered['answer']['outcome'], error: unknown): LogLevel {
  if (error !== undefined) return 'error'
  return outcome === 'skipped' || outcome === 'unchanged' ? 'debug' : 'info'
}
