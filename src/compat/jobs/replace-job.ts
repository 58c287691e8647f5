/**
 * Reloader's way with a Job: deleted, and made again under its name. What is to be made is recorded before the deletion and taken from the
 * record until it is there, by whoever leads then: no moment to die at loses it (docs/decisions/0004).
 */

import { type Api, type ApiCall, send } from '../../api/api.ts'
import { pathOf } from '../../api/paths.ts'
import type { Clock } from '../../async/clock.ts'
import { createQueue } from '../../async/queue.ts'
import { describeError } from '../../errors.ts'
import type { InstallKey } from '../../workload/checksum.ts'
import type { ApiObject } from '../../workload/pod-template.ts'
import { newJob } from './job-manifests.ts'
import { createJobRecords } from './job-records.ts'

export interface JobReplacements {
  /** `conflict`: it is another one by now. @throws ApiError, or that there was no answer */
  replace(job: ApiObject, checksum: string): Promise<'done' | 'conflict'>
  /** Makes what was deleted and not made again before we led. @throws ApiError */
  takeOver(): Promise<void>
  stop(): void
}

interface Options {
  api: Api
  clock: Clock
  installKey: () => InstallKey | undefined
  isLeading: () => boolean
  report: {
    event(about: JobId, type: 'Warning', reason: 'RolloutFailed', message: string): void
    log(level: 'error', message: string, fields: Record<string, unknown>): void
  }
}

interface JobId {
  apiVersion: string
  kind: string
  namespace: string
  name: string
  uid: string
}

/** Milliseconds for the old one to be gone, before others get their turn: this is waited for in a place that rollouts need. */
const GONE_WITHIN = 2_000
/** Each next time after twice as long: a finalizer may hold it for hours. */
const ASK_AGAIN = 100
const LAST_ASK_AGAIN = 30_000

const JOB = { apiVersion: 'batch/v1', kind: 'Job' }

export function createJobReplacements({
  api,
  clock,
  installKey,
  report,
  isLeading,
}: Options): JobReplacements {
  const records = createJobRecords(api, installKey)
  /** By the uid of the Job that was there before. */
  const toMake = new Map<string, ApiObject>()
  /** Until its next turn. */
  const delays = new Map<string, number>()
  const queue = createQueue({
    clock,
    concurrency: 4,
    run: async (uid) => {
      const job = toMake.get(uid)
      if (job && isLeading()) await makeGood(uid, job)
    },
    onError(uid, error) {
      const { name = '', namespace = '' } = toMake.get(uid)?.metadata ?? {}
      report.log('error', 'Job deleted and not made again yet; trying again', {
        namespace,
        name,
        ...describeError(error),
      })
      const about = { ...JOB, namespace, name, uid }
      const message = `deleted to be made again with what changed, and can't be made yet; it is tried again`
      report.event(about, 'Warning', 'RolloutFailed', message)
    },
  })

  /** Until the Job is there, whoever made it. */
  async function makeGood(uid: string, job: ApiObject): Promise<void> {
    const outcome = await made(uid, job)
    if (outcome === 'later') {
      const delay = delays.get(uid) ?? ASK_AGAIN
      delays.set(uid, Math.min(LAST_ASK_AGAIN, delay * 2))
      queue.add(uid, delay)
      return
    }
    await forget(uid)
  }

  async function forget(uid: string): Promise<void> {
    await records.drop(uid)
    toMake.delete(uid)
    delays.delete(uid)
  }

  async function made(uid: string, job: ApiObject): Promise<'there' | 'later'> {
    const { namespace = '', name = '' } = job.metadata ?? {}
    const create: ApiCall = { method: 'POST', path: pathOf({ ...JOB, namespace }), body: job }
    for (let [waited, delay] = [0, ASK_AGAIN]; waited < GONE_WITHIN; waited += delay, delay *= 2) {
      // 404: its namespace is gone, and takes it along.
      const created = await send(api, create, 201, 404, 409)
      if (created.status !== 409) return 'there'
      const { status, body } = await api.call({
        method: 'GET',
        path: pathOf({ ...JOB, namespace, name }),
      })
      const { metadata } = (status === 200 ? body : {}) as ApiObject
      // Another one, or the old one that nobody deleted after all: then it is compared, and replaced, as before.
      const isBack = metadata !== undefined && metadata.uid !== uid
      if (isBack || (metadata?.uid === uid && metadata['deletionTimestamp'] === undefined)) return 'there'
      await new Promise<void>((resolve) => void clock.after(delay, resolve))
    }
    return 'later'
  }

  return {
    async replace(job, checksum) {
      const { namespace = '', name = '', uid = '' } = job.metadata ?? {}
      const create = newJob(job, checksum)
      // What can't be created must not be deleted first.
      const probe = { ...create, metadata: { ...create.metadata, name: `${name.slice(0, 50)}-dry-run` } }
      const jobs = pathOf({ ...JOB, namespace })
      await send(api, { method: 'POST', path: `${jobs}?dryRun=All`, body: probe }, 201)
      await records.keep(uid, create)
      toMake.set(uid, create)
      try {
        const body = { preconditions: { uid }, propagationPolicy: 'Background' }
        const path = pathOf({ ...JOB, namespace, name })
        const deleted = await send(api, { method: 'DELETE', path, body }, 200, 202, 404, 409)
        const isOurs = deleted.status === 200 || deleted.status === 202
        await (isOurs ? makeGood(uid, create) : forget(uid))
        return isOurs ? 'done' : 'conflict'
      } catch (error) {
        // Whether it was deleted is not known; the record is, and tells what to do.
        queue.add(uid, ASK_AGAIN)
        throw error
      }
    },
    async takeOver() {
      for (const [uid, job] of await records.read()) {
        if (job === undefined) {
          report.log('error', 'a Job that was to be made again is recorded under another install key', {
            uid,
          })
          continue
        }
        toMake.set(uid, job)
        queue.add(uid)
      }
    },
    stop: () => queue.stop(),
  }
}
