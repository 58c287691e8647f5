/** Manifests of the Jobs that Reloader creates: one run of a CronJob, and a Job once more. Pure. */
import { createHash } from 'node:crypto'
import { writtenKey } from '../../policy/annotations.ts'
import { isObject } from '../../workload/json-object.ts'
import { beginningOf } from '../../workload/object-name.ts'
import type { ApiObject } from '../../workload/pod-template.ts'

const CHECKSUM = writtenKey('checksum')

/** As `kubectl create job --from=cronjob/…` creates it. */
export function jobNow(cronJob: ApiObject, checksum: string): ApiObject {
  const { metadata = {}, kind, apiVersion } = cronJob
  const spec = isObject(cronJob['spec']) ? cronJob['spec'] : {}
  const template = isObject(spec['jobTemplate']) ? spec['jobTemplate'] : {}
  const from = isObject(template['metadata']) ? template['metadata'] : {}
  const hash = createHash('sha256').update(`${metadata.uid}${checksum}`).digest('hex').slice(0, 10)
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      // A Job's name becomes a label value, of 63 characters at most.
      name: `${beginningOf(metadata.name ?? '', 51)}-${hash}`,
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
export function newJob(job: ApiObject, checksum: string): ApiObject {
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
      annotations: { ...metadata.annotations, [CHECKSUM]: checksum },
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
