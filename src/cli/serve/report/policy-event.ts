/** A policy file that can't be used, as an Event on the controller's Deployment: by the replica that leads, and again by the next one. */
import { type Api, send } from '../../../api/api.ts'
import { asObject } from '../../../api/response-body.ts'
import { eventReasons, type Report } from '../../../controller/report/report.ts'
import type { UserError } from '../../../errors.ts'
import { CONTROLLER_NAME } from '../../shared/install-names.ts'

export interface PolicyEvent {
  leads(leads: boolean): void
  /** @param problem undefined: the policy file can be used */
  changed(problem: UserError | undefined): void
}

export function createPolicyEvent(api: Api, report: Pick<Report, 'event' | 'log'>): PolicyEvent {
  const [apiVersion, kind, name, { namespace }] = ['apps/v1', 'Deployment', CONTROLLER_NAME, api]
  let isLeading = false
  let problem: UserError | undefined

  async function write(): Promise<void> {
    if (!isLeading || problem === undefined) return
    const { message } = problem
    // `kubectl describe` finds an object's Events by its uid.
    const path = `/apis/apps/v1/namespaces/${namespace}/deployments/${name}`
    const { metadata } = asObject((await send(api, { method: 'GET', path }, 200)).body)
    const subject = { apiVersion, kind, namespace, name, uid: metadata?.uid ?? '' }
    report.event(
      subject,
      'Warning',
      eventReasons.policyInvalid,
      `${message}. The last good policy stays in use`,
    )
  }
  const tryToWrite = () =>
    void write().catch(() => report.log('warn', 'no Event about the policy file was written'))
  return {
    leads(leads) {
      isLeading = leads
      tryToWrite()
    },
    changed(now) {
      problem = now
      tryToWrite()
    },
  }
}
