/**
 * What Reloader does with Jobs and CronJobs: a CronJob runs once now, a Job is deleted and made again. Names are made from the state that
 * is reached, so that a second attempt after a crash finds the first one's work instead of doing it twice.
 */
import { createHash } from 'node:crypto'
import { writtenKey } from '../../policy/annotations.ts'
import { formatChecksums } from '../../workload/checksum.ts'
import { type ApiObject, isObject } from '../../workload/pod-template.ts'
import { type Api, type ApiCall, type ApiResponse, UnexpectedAnswer } from '../api.ts'
import { FIELD_MANAGER } from '../field-manager.ts'
import { pathOf } from '../workload-kinds.ts'
import type { Workload } from '../workloads.ts'

interface Tools {
  live: (workload: Workload) => Promise<ApiObject | undefined>
  put: (object: ApiObject) => void
}

const CHECKSUM = writtenKey('checksum')

export async function runJobs(
  api: Api,
  workload: Workload,
  target: ReadonlyMap<string, string>,
  { live, put }: Tools,
): Promise<'done' | 'conflict'> {
  const object = await live(workload)
  if (!object) return 'conflict'
  const stamp = formatChecksums(target) ?? '{}'
  const { facts } = workload
  const send = async (call: ApiCall, ...expected: number[]): Promise<ApiResponse> => {
    const response = await api.call(call)
    if (!expected.includes(response.status)) throw new UnexpectedAnswer(call, response)
    return response
  }
  if (facts.kind === 'CronJob') {
    // 409: made by an attempt that did not live to write it down.
    await send({ method: 'POST', path: jobs(facts.namespace), body: jobNow(object, stamp) }, 201, 409)
    const annotations = { [CHECKSUM]: stamp }
    const { uid, resourceVersion } = facts
    const path = `${pathOf(facts)}?fieldManager=${FIELD_MANAGER}`
    const body = { metadata: { uid, resourceVersion, annotations } }
    const contentType = 'application/merge-patch+json'
    const written = await send({ method: 'PATCH', path, body, contentType }, 200, 409)
    if (written.status === 409) {
      await live(workload)
      return 'conflict'
    }
    put({ ...(written.body as ApiObject), kind: facts.kind, apiVersion: facts.apiVersion })
    return 'done'
  }
  return replaceJob(send, object, stamp)
}

const jobs = (namespace: string): string => `/apis/batch/v1/namespaces/${namespace}/jobs`

/** As `kubectl create job --from=cronjob/…` makes it. */
export function jobNow(cronJob: ApiObject, stamp: string): ApiObject {
  const { metadata = {}, kind, apiVersion } = cronJob
  const spec = isObject(cronJob['spec']) ? cronJob['spec'] : {}
  const template = isObject(spec['jobTemplate']) ? spec['jobTemplate'] : {}
  const from = isObject(template['metadata']) ? template['metadata'] : {}
  const hash = createHash('sha256').update(`${metadata.uid}${stamp}`).digest('hex').slice(0, 10)
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      // A Job's name goes into labels of 63 characters.
      name: `${(metadata.name ?? '').slice(0, 51)}-${hash}`,
      namespace: metadata.namespace ?? '',
      ...(isObject(from['labels']) ? { labels: from['labels'] as Record<string, string> } : {}),
      annotations: {
        ...(isObject(from['annotations']) ? (from['annotations'] as Record<string, string>) : {}),
        'cronjob.kubernetes.io/instantiate': 'manual',
      },
      ownerReferences: [
        {
          apiVersion: apiVersion ?? 'batch/v1',
          kind: kind ?? 'CronJob',
          name: metadata.name ?? '',
          uid: metadata.uid ?? '',
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec: template['spec'],
  }
}

/** The same Job without what the API server and the Job controller added to it. */
export function newJob(job: ApiObject, stamp: string): ApiObject {
  const { metadata = {} } = job
  const {
    selector: _,
    template,
    manualSelector: __,
    ...spec
  } = (job['spec'] ?? {}) as Record<string, unknown>
  const strip = (labels: Readonly<Record<string, string>> | undefined) =>
    Object.fromEntries(Object.entries(labels ?? {}).filter(([key]) => !GENERATED.has(key)))
  const { metadata: ofPods, ...podTemplate } = (template ?? {}) as { metadata?: ApiObject['metadata'] }
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: metadata.name ?? '',
      namespace: metadata.namespace ?? '',
      labels: strip(metadata.labels),
      annotations: { ...metadata.annotations, [CHECKSUM]: stamp },
      ...(metadata.ownerReferences ? { ownerReferences: metadata.ownerReferences } : {}),
    },
    spec: { ...spec, template: { ...podTemplate, metadata: { ...ofPods, labels: strip(ofPods?.labels) } } },
  }
}

const GENERATED = new Set([
  'controller-uid',
  'job-name',
  'batch.kubernetes.io/controller-uid',
  'batch.kubernetes.io/job-name',
])

/** Of these milliseconds for the old one to be gone. */
const GONE_WITHIN = 20_000
const ASK_EVERY = 100

async function replaceJob(
  send: (call: ApiCall, ...expected: number[]) => Promise<ApiResponse>,
  job: ApiObject,
  stamp: string,
): Promise<'done' | 'conflict'> {
  const { namespace = '', name = '', uid } = job.metadata ?? {}
  const path = `${jobs(namespace)}/${name}`
  const create = newJob(job, stamp)
  // What can't be created must not be deleted first.
  const probe = { ...create, metadata: { ...create.metadata, name: `${name.slice(0, 50)}-dry-run` } }
  await send({ method: 'POST', path: `${jobs(namespace)}?dryRun=All`, body: probe }, 201)
  const body = { preconditions: { uid }, propagationPolicy: 'Background' }
  const deleted = await send({ method: 'DELETE', path, body }, 200, 202, 404, 409)
  if (deleted.status === 404 || deleted.status === 409) return 'conflict'
  for (let waited = 0; waited < GONE_WITHIN; waited += ASK_EVERY) {
    const made = await send({ method: 'POST', path: jobs(namespace), body: create }, 201, 409)
    if (made.status === 201) return 'done'
    await new Promise((resolve) => setTimeout(resolve, ASK_EVERY))
  }
  throw new Error(`Job ${namespace}/${name} was deleted and is not gone after ${GONE_WITHIN / 1_000} s`)
}
