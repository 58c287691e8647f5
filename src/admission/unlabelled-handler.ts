/**
 * Handler of `/mutate/unlabelled`: a workload in a namespace without our label. The other webhooks never get it, so this one warns the
 * user that nothing happens, and why.
 */
import { isOptedIn } from '../policy/mirror.ts'
import { type ApiObject, controller } from '../workload/pod-template.ts'
import type { Handler } from './handler.ts'

export const unlabelledHandler: Handler = ({ object: workload, namespace = 'default' }) => {
  const isUsersOwn = workload && isOptedIn(workload) && !controller(workload.metadata)
  return isUsersOwn
    ? {
        allowed: true,
        warnings: [unlabelledWarning(workload, namespace)],
        outcome: 'skipped',
        reason: 'unlabelled',
      }
    : { allowed: true, warnings: [], outcome: 'skipped', reason: 'notRequested' }
}

export const unlabelledWarning = ({ kind = 'workload' }: ApiObject, namespace: string): string =>
  `kubectl label namespace ${namespace} hotreload.dev/injection=enabled: without it hotreload.dev/inject does nothing on this ${kind}`
