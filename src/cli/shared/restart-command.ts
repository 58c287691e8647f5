/** Says how workloads get new Pods. Pure. */
import { groupOf, replacesItsPods } from '../../workload/kinds.ts'
import type { ApiObject } from '../../workload/pod-template.ts'

/** The command that gives workloads of one namespace new Pods; undefined: kubectl can't restart all of their kinds. */
export function restartCommand(namespace: string, workloads: readonly ApiObject[]): string | undefined {
  const names = workloads.map(({ kind = '', metadata }) => `${kind.toLowerCase()}/${metadata?.name}`)
  return workloads.every((one) => groupOf(one) === 'apps' && replacesItsPods(one))
    ? `kubectl rollout restart -n ${namespace} ${names.join(' ')}`
    : undefined
}
