/** Workloads that are set aside: reports them, remembers them for the next process, and tries them again. */
import type { Api } from '../../api/api.ts'
import { readObject } from '../../api/config-reader.ts'
import { pathOf } from '../../api/paths.ts'
import type { Clock } from '../../async/clock.ts'
import { describeError } from '../../errors.ts'
import { manual } from '../../manual.ts'
import { kindLabel } from '../../workload/kinds.ts'
import type { ApiObject } from '../../workload/pod-template.ts'
import { eventReasons, type Report } from '../report/report.ts'
import { createGuard, FIRST_DELAY, type Guard, type SetAside } from './guard.ts'
import { createSetAsideWriter, type SetAsideWriter } from './store.ts'

export interface SetAsideWorkloads {
  guard: Guard
  /** @param stored what an earlier process has set aside */
  start(stored: readonly SetAside[]): void
  startedLeading(): void
  has(uid: string): boolean
  stop(): void
}

export interface SetAsideOptions {
  api: Api
  clock: Clock
  stopwatch?: (() => number) | undefined
  report: Pick<Report, 'event' | 'log' | 'objectsSetAside'>
  isLeading: () => boolean
  /** Takes an object that is read again. */
  put: (object: ApiObject) => void
}

/** Milliseconds for one object. */
const READ_TIMEOUT = 5_000

export function createSetAsideWorkloads(options: SetAsideOptions): SetAsideWorkloads {
  const { api, clock, report, isLeading, put } = options
  let writer: SetAsideWriter | undefined
  let cancel: (() => void) | undefined
  let isStopped = false

  const guard = createGuard({ ...options, onChange: changed })

  function changed(object: SetAside | undefined): void {
    report.objectsSetAside(guard.setAside().length)
    if (object) {
      const { kind, namespace, name, why } = object
      report.log('warn', 'an object is set aside', {
        workload: `${kindLabel(object)}/${namespace}/${name}`,
        why,
        kind,
      })
      if (isLeading()) warn(object)
    }
    writer?.touch()
    tryAgainLater()
  }

  const warn = (object: SetAside): void =>
    report.event(
      object,
      'Warning',
      eventReasons.setAside,
      `hotreload does nothing for this object, because ${object.why}. It is tried again when it has changed, and now and then: ${manual('runbook')}`,
    )

  function tryAgainLater(): void {
    if (isStopped || guard.setAside().length === 0) return
    cancel ??= clock.after(FIRST_DELAY, () => {
      cancel = undefined
      void tryAgain()
        .catch((error: unknown) =>
          report.log('error', 'objects that are set aside not tried again', describeError(error)),
        )
        .finally(tryAgainLater)
    })
  }

  /** One by one: they are known to be expensive. */
  async function tryAgain(): Promise<void> {
    for (const { uid, ...workload } of guard.due()) {
      const { kind, apiVersion } = workload
      const object = await readObject(api, { path: pathOf(workload), timeoutMilliseconds: READ_TIMEOUT })
      if (isStopped) return
      if (object === 'absent' || (typeof object === 'object' && object.metadata?.uid !== uid))
        guard.forget(uid)
      if (typeof object === 'object') put({ ...object, kind, apiVersion })
    }
  }

  return {
    guard,
    start(stored) {
      guard.restore(stored)
      const onError = (error: unknown): void =>
        report.log('error', 'objects that are set aside not written; trying again', describeError(error))
      writer = createSetAsideWriter(
        { api, clock, current: () => guard.setAside(), isLeading, onError },
        stored,
      )
      report.objectsSetAside(guard.setAside().length)
      tryAgainLater()
    },
    has: (uid) => guard.setAside().some((object) => object.uid === uid),
    startedLeading() {
      for (const object of guard.setAside()) warn(object)
      writer?.touch()
    },
    stop() {
      isStopped = true
      cancel?.()
      writer?.stop()
    },
  }
}
