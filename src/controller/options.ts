/** What the controller is made of; cli/ passes it in, and a test its own. */

import type { Api, WatchCollection } from '../api/api.ts'
import type { Clock } from '../async/clock.ts'
import type { CompatOptions } from '../compat/request/options.ts'
import type { Defaults } from '../policy/defaults.ts'
import type { InstallKey } from '../workload/checksum.ts'
import type { Report } from './report/report.ts'
import type { RolloutLimits } from './rollout/limiter.ts'

export interface ControllerOptions {
  api: Api
  watchCollection: WatchCollection
  clock: Clock
  report: Report
  /** Tries to lead, and tells each time that changes. */
  elect: (onChange: (leads: boolean) => void) => { leads(): boolean; release(): Promise<void> }
  /** Asked each time, since the policy file may change. */
  defaults: () => Defaults
  installKey: () => InstallKey | undefined
  compat: CompatOptions
  limits: RolloutLimits
  /** Replace Pods that lack the agent. */
  evictUninjected: boolean
  /** An agent's /status as JSON; undefined: unreachable. Never rejects. */
  askAgent: (ip: string, port: number) => Promise<unknown>
}
