/**
 * This replica's leadership. It starts once the replica is elected, the cache is synced and the baselines are loaded, and ends when another
 * replica is elected. The controller writes only while it leads.
 */
import type { Api } from '../api/api.ts'
import type { Clock } from '../async/clock.ts'
import { describeError } from '../errors.ts'
import type { Report } from './report/report.ts'
import { type BaselineWriter, createBaselineWriter, readBaselines } from './rollout/baseline-store.ts'
import type { Baselines } from './rollout/baselines.ts'

/** Takes part in the election until it is released, and reports each change. */
export type Elect = (onChange: (isElected: boolean) => void) => {
  leads(): boolean
  release(): Promise<void>
}

export interface Leadership {
  /** Takes part in the election. */
  start(): void
  isLeading(): boolean
  /** Undefined while this replica does not lead. */
  baselines(): Baselines | undefined
  /** The baselines have changed, and are written soon. */
  baselinesChanged(): void
  /** The cache is synced, so leadership may start. */
  cacheSynced(): void
  /** Writes what is left to write, and gives leadership up. */
  stop(): Promise<void>
}

export interface LeadershipOptions {
  api: Api
  clock: Clock
  report: Pick<Report, 'leads' | 'log'>
  elect: Elect
  isCacheSynced: () => boolean
  onStartedLeading: (baselines: Baselines) => void
  onStoppedLeading: () => void
}

/** Milliseconds. */
const RETRY_READING = 5_000

export function createLeadership(options: LeadershipOptions): Leadership {
  const { api, clock, report, elect, isCacheSynced, onStartedLeading, onStoppedLeading } = options
  /** Undefined before start. */
  let election: ReturnType<Elect> | undefined
  /** Undefined while this replica does not lead. */
  let current: { baselines: Baselines; writer: BaselineWriter } | undefined
  let stopped = false
  /** How often leadership has ended. */
  let terms = 0
  const isElected = () => election?.leads() === true
  const canBegin = () => !stopped && current === undefined && isCacheSynced() && isElected()

  async function begin(): Promise<void> {
    if (!canBegin()) return
    const term = terms
    try {
      const baselines = await readBaselines(api)
      // Another call may have been quicker, or leadership lost while this one read: what another leader has written since is not in it.
      if (!canBegin() || term !== terms) return
      const onError = (error: unknown) =>
        report.log('error', 'baselines not written; trying again', describeError(error))
      const writer = createBaselineWriter({ api, clock, baselines, isLeading: isElected, onError })
      current = { baselines, writer }
    } catch (error) {
      report.log('error', 'baselines not read; trying again', describeError(error))
      clock.after(RETRY_READING, () => void begin())
      return
    }
    onStartedLeading(current.baselines)
  }

  function end(): void {
    terms += 1
    current?.writer.stop()
    current = undefined
    onStoppedLeading()
  }

  return {
    start() {
      election = elect((isNowElected) => {
        report.leads(isNowElected)
        if (isNowElected) void begin()
        else end()
      })
    },
    isLeading: () => current !== undefined && isElected(),
    baselines: () => current?.baselines,
    baselinesChanged: () => current?.writer.touch(),
    cacheSynced: () => void begin(),
    async stop() {
      stopped = true
      await current?.writer.flush()
      end()
      await election?.release()
    },
  }
}
