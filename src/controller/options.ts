/** What the controller needs. cli/ passes it in, and each test its own. */
import type { Api, WatchCollection } from '../api/api.ts'
import type { Clock } from '../async/clock.ts'
import type { CompatOptions } from '../compat/request/options.ts'
import type { Defaults } from '../policy/defaults.ts'
import type { InstallKey } from '../workload/checksum.ts'
import type { Elect } from './leadership.ts'
import type { AskAgent } from './pods/workload-pods.ts'
import type { Report } from './report/report.ts'
import type { RolloutLimits } from './rollout/limiter.ts'

export interface ControllerOptions {
  api: Api
  watchCollection: WatchCollection
  /** `--watch-namespaces`; undefined: all. */
  watchNamespaces?: readonly string[] | undefined
  clock: Clock
  report: Report
  elect: Elect
  /** Read each time, because the policy file may change. */
  defaults: () => Defaults
  installKey: () => InstallKey | undefined
  compat: CompatOptions
  limits: RolloutLimits
  /** `--max-nudges-per-second`; by default DEFAULT_NUDGES_PER_SECOND. */
  maxNudgesPerSecond?: number
  /** `--evict-uninjected`: replace Pods that lack the agent. */
  evictUninjected: boolean
  askAgent: AskAgent
  /** Milliseconds, for measuring; by default performance.now(). */
  stopwatch?: () => number
}
