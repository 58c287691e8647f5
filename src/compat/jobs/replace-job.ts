/**
 * Replaces a Job as Reloader does: deletes it, and recreates it under its name. The new Job is recorded before the deletion, and the leader
 * creates it from the record until it exists: a crash at any moment loses no Job (docs/decisions/0004).
 */
import { type Api, type ApiCall, send } from '../../api/api.ts'
import { pathOf } from '../../api/paths.ts'
import { asObject } from '../../api/response-body.ts'
import type { Clock } from '../../async/clock.ts'
import { createQueue } from '../../async/queue.ts'
import { describeError } from '../../errors.ts'
import type { InstallKey } from '../../workload/checksum.ts'
import { beginningOf } from '../../workload/object-name.ts'
import type { ApiObject } from '../../workload/pod-template.ts'
import { newJob } from './job-manifests.ts'
import { createJobRecords } from './job-records.ts'

export interface JobReplacements {
  /**
   * `begun`: the old Job is not gone yet, and the new one is created once it is. `conflict`: another Job has its name by now.
   * @throws ApiError; rejects as well without a response
   */
  replace(job: ApiObject, checksum: string): Promise<Created>
  /** Recreates the Jobs that an earlier leader deleted and did not recreate. @throws ApiError */
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

/** Milliseconds to wait until the old Job is gone. The wait occupies a worker that rollouts need, so a longer one goes through the queue. */
const GONE_WITHIN = 2_000
/** Milliseconds before the next attempt. It doubles each time, since a finalizer may keep the old Job for hours. */
const FIRST_DELAY = 100
const LONGEST_DELAY = 30_000

type Created = 'done' | 'begun' | 'conflict'

const JOB = { apiVersion: 'batch/v1', kind: 'Job' }

export function createJobReplacements({
  api,
  clock,
  installKey,
  report,
  isLeading,
}: Options): JobReplacements {
  const records = createJobRecords(api, installKey)
  /** Jobs to create, by the uid of the deleted Job. */
  const toCreate = new Map<string, ApiObject>()
  /** Of the next attempt, by uid. */
  const delays = new Map<string, number>()
  const queue = createQueue({
    clock,
    concurrency: 4,
    run: async (uid) => {
      const job = toCreate.get(uid)
      if (job && isLeading()) await recreate(uid, job)
    },
    onError(uid, error) {
      const { name = '', namespace = '' } = toCreate.get(uid)?.metadata ?? {}
      report.log('error', 'Job deleted and not recreated yet; trying again', {
        namespace,
        name,
        ...describeError(error),
      })
      const about = { ...JOB, namespace, name, uid }
      const message =
        'deleted to run again with the changed configuration, and not recreated yet; trying again'
      report.event(about, 'Warning', 'RolloutFailed', message)
    },
  })

  /** Creates the Job, unless it exists by now; what can't be done yet is tried later. */
  async function recreate(uid: string, job: ApiObject): Promise<Created> {
    const outcome = await create(uid, job)
    if (outcome === 'begun') {
      const delay = delays.get(uid) ?? FIRST_DELAY
      delays.set(uid, Math.min(LONGEST_DELAY, delay * 2))
      queue.add(uid, delay)
    } else await forget(uid)
    return outcome
  }

  async function forget(uid: string): Promise<void> {
    await records.drop(uid)
    toCreate.delete(uid)
    delays.delete(uid)
  }

  async function create(uid: string, job: ApiObject): Promise<Created> {
    const { namespace = '', name = '' } = job.metadata ?? {}
    const call: ApiCall = { method: 'POST', path: pathOf({ ...JOB, namespace }), body: job }
    for (let [waited, delay] = [0, FIRST_DELAY]; waited < GONE_WITHIN; waited += delay, delay *= 2) {
      // 404: its namespace is gone, so no Job is needed.
      const created = await send(api, call, 201, 404, 409)
      if (created.status !== 409) return created.status === 201 ? 'done' : 'conflict'
      const { status, body } = await api.call({
        method: 'GET',
        path: pathOf({ ...JOB, namespace, name }),
      })
      const { metadata } = asObject(status === 200 ? body : undefined)
      // Another Job, or the old one, which nobody deleted: the controller compares it and replaces it as before.
      const isBack = metadata !== undefined && metadata.uid !== uid
      if (isBack || (metadata?.uid === uid && metadata['deletionTimestamp'] === undefined)) return 'conflict'
      await new Promise<void>((resolve) => void clock.after(delay, resolve))
    }
    return 'begun'
  }

  return {
    async replace(job, checksum) {
      const { namespace = '', name = '', uid = '' } = job.metadata ?? {}
      const replacement = newJob(job, checksum)
      // Tried before the deletion, since the API server may refuse the new Job.
      const dryRun = {
        ...replacement,
        metadata: { ...replacement.metadata, name: `${beginningOf(name, 50)}-dry-run` },
      }
      const jobs = pathOf({ ...JOB, namespace })
      await send(api, { method: 'POST', path: `${jobs}?dryRun=All`, body: dryRun }, 201)
      await records.keep(uid, replacement)
      toCreate.set(uid, replacement)
      try {
        const body = { preconditions: { uid }, propagationPolicy: 'Background' }
        const path = pathOf({ ...JOB, namespace, name })
        const deleted = await send(api, { method: 'DELETE', path, body }, 200, 202, 404, 409)
        const isOurs = deleted.status === 200 || deleted.status === 202
        if (isOurs) return await recreate(uid, replacement)
        await forget(uid)
        return 'conflict'
      } catch (error) {
        // It may have been deleted or not: the queue finds out, and acts according to the record.
        queue.add(uid, FIRST_DELAY)
        throw error
      }
    },
    async takeOver() {
      for (const [uid, job] of await records.read()) {
        if (job === undefined) {
          report.log('error', 'record of a deleted Job not readable: it was made under another install key', {
            uid,
          })
          continue
        }
        toCreate.set(uid, job)
        queue.add(uid)
      }
    },
    stop: () => queue.stop(),
  }
}
