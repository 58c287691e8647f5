/**
 * The time for which we lead: it begins when everything there is is known and the baselines are read, and ends when somebody else leads.
 * Only in it is anything written.
 */

import { describeError } from '../errors.ts'
import type { ControllerOptions } from './options.ts'
import { type BaselineWriter, createBaselineWriter, readBaselines } from './rollout/baseline-store.ts'
import type { Baselines } from './rollout/baselines.ts'

export interface Leadership {
  start(): void
  leads(): boolean
  /** Undefined where we don't lead. */
  baselines(): Baselines | undefined
  /** They are something else now: written soon. */
  touch(): void
  /** Begins where it can: something that was missing may be there now. */
  begin(): void
  /** What is not written yet is, and somebody else may lead. */
  stop(): Promise<void>
}

type Options = Pick<ControllerOptions, 'api' | 'clock' | 'report' | 'elect'> & {
  /** Everything there is is known. */
  isSynced: () => boolean
  onBegin: (baselines: Baselines) => void
  onEnd: () => void
}

/** Milliseconds. */
const RETRY_READING = 5_000

export function createLeadership({
  api,
  clock,
  report,
  elect,
  isSynced,
  onBegin,
  onEnd,
}: Options): Leadership {
  let now: { baselines: Baselines; writer: BaselineWriter } | undefined
  let stopped = false
  /** Undefined before start. */
  let election: ReturnType<typeof elect> | undefined
  const isElected = () => election?.leads() === true
  const mayBegin = () => !stopped && now === undefined && isSynced() && isElected()

  async function begin(): Promise<void> {
    if (!mayBegin()) return
    try {
      const baselines = await readBaselines(api)
      if (!mayBegin()) return
      const onError = (error: unknown) =>
        report.log('error', 'baselines not written; trying again', describeError(error))
      const leads = isElected
      now = { baselines, writer: createBaselineWriter({ api, clock, baselines, leads, onError }) }
    } catch (error) {
      report.log('error', 'baselines not read; trying again', describeError(error))
      clock.after(RETRY_READING, () => void begin())
      return
    }
    onBegin(now.baselines)
  }

  function end(): void {
    now?.writer.stop()
    now = undefined
    onEnd()
  }

  return {
    start() {
      election = elect((leads) => {
        report.leads(leads)
        if (leads) void begin()
        else end()
      })
    },
    leads: () => now !== undefined && isElected(),
    baselines: () => now?.baselines,
    touch: () => now?.writer.touch(),
    begin: () => void begin(),
    async stop() {
      stopped = true
      await now?.writer.flush()
      end()
      await election?.release()
    },
  }
}
