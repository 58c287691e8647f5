/** Creates a Pod as a dry run, which stores nothing: whether the API server reaches the webhook and trusts it. */
import type { V1Pod } from '@kubernetes/client-node'
import type { ApiResponse } from '../../api/api.ts'
import { messageOf } from '../../api/response-body.ts'
import { PREFIX, writtenKey } from '../../policy/annotations.ts'
import { parseJson, property } from '../../workload/json-object.ts'
import { isInjected } from '../../workload/references.ts'
import type { Finding } from './finding.ts'
import { RESOURCES_REMEDY } from './missing-pods.ts'

/** It passes the restricted Pod Security Standard, and a quota that requires requests and limits. */
export const trialPod: V1Pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: 'hotreload-doctor',
    annotations: { [`${PREFIX}inject`]: 'true', [`${PREFIX}url`]: 'http://127.0.0.1:1/-/reload' },
  },
  spec: {
    containers: [
      {
        name: 'app',
        image: 'hotreload.dev/doctor',
        resources: { requests: { cpu: '1m', memory: '4Mi' }, limits: { cpu: '1m', memory: '16Mi' } },
        securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
        volumeMounts: [{ name: 'conf', mountPath: '/etc/app' }],
      },
    ],
    volumes: [{ name: 'conf', configMap: { name: 'hotreload-doctor', optional: true } }],
    securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: 'RuntimeDefault' } },
  },
}

const check = 'injection'

/** @param ours the version of this program */
export function judgeTrial({ status, body }: ApiResponse, namespace: string, ours: string): Finding {
  const what = `a Pod in namespace ${namespace}`
  if (status === 201) {
    const pod = body as V1Pod
    if (!isInjected(pod))
      return {
        check,
        result: 'problem',
        text: `${what} would get no agent (dry run): the API server does not reach the webhook, or does not trust its certificate; see the log of Deployment hotreload, and network policies`,
      }
    const version = versionOf(pod.metadata?.annotations?.[writtenKey('status')])
    const other = version !== undefined && version !== ours ? `, of version ${version}` : ''
    return { check, result: 'ok', text: `${what} would get its agent (dry run)${other}` }
  }
  const message = messageOf(body)
  // Denied by failurePolicy Fail; the message has the reason.
  if (message.includes('failed calling webhook') && message.includes('hotreload'))
    return { check, result: 'problem', text: `${what} can't be created: ${message}` }
  const why = message.includes('cannot create resource') ? `you may not create pods in ${namespace}` : message
  const remedy = /per Container|exceeded quota|must specify/.test(message) ? `; ${RESOURCES_REMEDY}` : ''
  return { check, result: 'unknown', text: `not tried: ${why || status}${remedy}` }
}

export const untried = (text: string, result: Finding['result'] = 'warning'): Finding => ({
  check,
  result,
  text,
})

function versionOf(annotation = ''): string | undefined {
  const version = property(parseJson(annotation), 'version')
  return typeof version === 'string' ? version : undefined
}
