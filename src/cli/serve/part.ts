/** What the parts of `serve` have in common: what each is built from, and what can be done with it. */
import type { DrainTimes } from '../../admission/drain.ts'
import type { UserError } from '../../errors.ts'
import type { Defaults } from '../../policy/defaults.ts'
import type { Log } from '../../telemetry/log.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import type { Cluster } from './build-cluster.ts'
import type { ServeOptions } from './options.ts'

export interface ServeIo {
  environment: NodeJS.ProcessEnv
  /** Log lines; standard output where not given. */
  log?: { write(line: string): void }
  /** Aborted by SIGTERM: finish as drain.ts says. */
  drain: AbortSignal
  /** Aborted by SIGINT: end at once. */
  now: AbortSignal
  drainTimes?: DrainTimes
}

export interface ServeContext {
  options: ServeOptions
  io: ServeIo
  log: Log
  metrics: Metrics
  /** Read each time, since the policy file may change. */
  defaults: () => Defaults
  cluster: Cluster | undefined
}

/** The webhook or the controller. */
export interface Part {
  /** Returns the port that it listens on, if it does. @throws UserError where it can't */
  start(): Promise<number | undefined>
  /** Undefined: ready. Otherwise the reason, in words for `kubectl describe pod`. */
  notReady(): string | undefined
  /** Undefined: alive. Otherwise the reason; the kubelet then restarts the process. */
  notAlive?(): string | undefined
  /** @param problem of a policy file that can't be used; the last good one stays */
  policyChanged?(problem?: UserError): void
  /** From now on it writes nothing: the lease and the certificate belong to the replicas that stay. */
  release(): Promise<void>
  /** Resolves when no client is left. */
  drain?(): Promise<void>
  close(): Promise<void>
}
