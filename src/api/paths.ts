/** Where the API has each kind of workload. */
import type { Collection } from './api.ts'

export interface WorkloadKind {
  kind: string
  apiVersion: string
  plural: string
}

export const workloadKinds: readonly WorkloadKind[] = [
  { kind: 'Deployment', apiVersion: 'apps/v1', plural: 'deployments' },
  { kind: 'StatefulSet', apiVersion: 'apps/v1', plural: 'statefulsets' },
  { kind: 'DaemonSet', apiVersion: 'apps/v1', plural: 'daemonsets' },
  { kind: 'Job', apiVersion: 'batch/v1', plural: 'jobs' },
  { kind: 'CronJob', apiVersion: 'batch/v1', plural: 'cronjobs' },
  // Where its CRD is installed; until then the list is refused with 404.
  { kind: 'Rollout', apiVersion: 'argoproj.io/v1alpha1', plural: 'rollouts' },
]

export const collectionOf = ({ apiVersion, plural }: WorkloadKind): Collection => ({
  path: `/apis/${apiVersion}/${plural}`,
  metadataOnly: false,
})

/** @throws TypeError for a kind that is not in the table */
export function pathOf({
  kind,
  namespace,
  name,
}: {
  kind: string
  namespace: string
  name?: string
}): string {
  const found = workloadKinds.find((one) => one.kind === kind)
  if (!found) throw new TypeError(`${kind} is no kind of workload`)
  return `/apis/${found.apiVersion}/namespaces/${namespace}/${found.plural}${name === undefined ? '' : `/${name}`}`
}
