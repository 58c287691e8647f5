/**
 * When the Pods of a workload are listed and their agents asked: some times after what a person waits for, and in rounds, because the controller
 * can't see every change (a Secret that it may not read). Each workload has its own time in a round, since all of them at once would keep
 * the API server and the controller busy for minutes (docs/scale.md).
 */
import { createHash } from 'node:crypto'
import type { V1Pod } from '@kubernetes/client-node'
import type { Api } from '../../api/api.ts'
import type { Clock } from '../../async/clock.ts'
import { createQueue, earliest, type Requeue } from '../../async/queue.ts'
import { describeError } from '../../errors.ts'
import type { Workload, Workloads } from '../cache/workloads.ts'
import type { Report } from '../report/report.ts'
import { podsOf } from './workload-pods.ts'

export interface PodChecks {
  /** This replica leads now: checks all workloads one after the other, and in rounds from then on. */
  startedLeading(workloads: Iterable<Workload>): void
  /** The workload is new, has another spec, or waits for its agents. */
  checkSoon(key: string): void
  /** The workload's agents are about to load a change. */
  sourceChanged(key: string): void
  stop(): void
}

/** Part of what the controller remembers of a workload. */
export interface CheckState {
  /** Times of the next checks, by Clock.now(), but for those of rounds. */
  checksDue: readonly number[]
}

/** Shared, since most workloads have none. */
export const noChecksDue: readonly number[] = []

/** Milliseconds. A program that ends of a signal does so within 2 s; a validator may take longer. */
const AFTER_CHANGE = [5_000, 35_000, 155_000]
/** A rollout's new Pods are up by then. */
const SETTLES_WITHIN = 30_000
const ROUND = 600_000
/** The first round, 50 workloads a second: a new leader knows nothing of any, and its API server serves others as well. */
const FIRST_ROUND_EVERY = 20
/** Workloads at once. The agents of one that nobody can ask take a second, and a round of them must not keep others waiting. */
const [CONCURRENCY, CONCURRENCY_OF_ROUNDS] = [6, 4]

export interface PodChecksOptions {
  api: Api
  clock: Clock
  report: Pick<Report, 'log'>
  workloads: Pick<Workloads, 'get'>
  isLeading: () => boolean
  stateOf: (key: string) => CheckState
  /** Returns in how many milliseconds to check them again; undefined: when something changes, or in the next round. */
  check: (workload: Workload, pods: readonly V1Pod[]) => Promise<Requeue>
}

export function createPodChecks(options: PodChecksOptions): PodChecks {
  const { api, clock, report, workloads, isLeading, stateOf, check } = options
  const checks = createQueue({
    clock,
    concurrency: CONCURRENCY,
    run: (key) => checkNow(key).finally(() => roundGoesOn(key)),
    onError: (key, error) =>
      report.log('debug', 'Pods not checked', { workload: key, ...describeError(error) }),
  })
  const rounds = createQueue({ clock, concurrency: CONCURRENCY_OF_ROUNDS, run: takeTurn, onError() {} })
  /** Of the workloads whose turn it is. */
  const turns = new Map<string, () => void>()

  async function checkNow(key: string): Promise<Requeue> {
    const workload = workloads.get(key)
    const { native, uid } = workload?.summary ?? {}
    if (!workload || !native || native.agents.length === 0 || !isLeading()) return undefined
    const state = stateOf(key)
    const now = clock.now()
    // A timer may be early by a millisecond.
    state.checksDue = state.checksDue.filter((at) => at > now + 1)
    const pods = await podsOf(api, workload.summary)
    // The workload, or leadership, may have gone meanwhile.
    if (workloads.get(key)?.summary.uid !== uid || !isLeading()) return undefined
    const again = await check(workload, pods)
    return earliest(again, ...state.checksDue.map((at) => Math.max(0, at - clock.now())))
  }

  /** The check itself is one of `checks`, so that no workload is checked twice at once. */
  async function takeTurn(key: string): Promise<Requeue> {
    if (!workloads.get(key) || !isLeading()) return undefined
    await new Promise<void>((resolve) => {
      turns.set(key, resolve)
      checks.add(key)
    })
    return untilTurn(key, clock.now())
  }

  function roundGoesOn(key: string): void {
    turns.get(key)?.()
    turns.delete(key)
  }

  return {
    startedLeading(all) {
      let delay = SETTLES_WITHIN
      for (const { key } of all) {
        rounds.add(key, delay)
        delay += FIRST_ROUND_EVERY
      }
    },
    checkSoon(key) {
      const state = stateOf(key)
      const at = clock.now() + SETTLES_WITHIN
      if (!state.checksDue.some((earlier) => earlier <= at)) state.checksDue = [...state.checksDue, at]
      checks.add(key, SETTLES_WITHIN)
      rounds.add(key, untilTurn(key, clock.now()))
    },
    sourceChanged(key) {
      const state = stateOf(key)
      state.checksDue = AFTER_CHANGE.map((milliseconds) => clock.now() + milliseconds)
      checks.add(key, AFTER_CHANGE[0])
    },
    stop() {
      checks.stop()
      rounds.stop()
    },
  }
}

/** Milliseconds until the workload's own time in a round, which follows from its key. */
export function untilTurn(key: string, now: number): number {
  const share = createHash('sha256').update(key).digest().readUInt32BE() / 2 ** 32
  return ROUND - ((((now - share * ROUND) % ROUND) + ROUND) % ROUND)
}
