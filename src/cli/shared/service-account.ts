/** The rights of hotreload's ServiceAccounts, according to the API server's authorizers. */
import type { V1SubjectAccessReview } from '@kubernetes/client-node'
import { asObject } from '../../api/response-body.ts'
import type { KubeClient } from '../../kube/client.ts'
import { CONTROLLER_NAME, INSTALL_NAMESPACE } from './install-names.ts'

export interface Right {
  verb: string
  resource: string
  /** Absent: the core group. */
  group?: string
  /** Absent: all namespaces. */
  namespace?: string
  name?: string
}

export interface ServiceAccount {
  namespace: string
  name: string
}

/** The controller's, which rolls out and nudges. */
const defaultAccount: ServiceAccount = { namespace: INSTALL_NAMESPACE, name: CONTROLLER_NAME }

/** Undefined: the user may not create subjectaccessreviews, as a cluster's admin may. */
export async function canServiceAccount(
  client: KubeClient,
  { verb, resource, group = '', namespace, name }: Right,
  account: ServiceAccount = defaultAccount,
): Promise<boolean | undefined> {
  const { status, body } = await client.call({
    method: 'POST',
    path: '/apis/authorization.k8s.io/v1/subjectaccessreviews',
    body: {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      spec: {
        user: `system:serviceaccount:${account.namespace}:${account.name}`,
        groups: [
          'system:serviceaccounts',
          `system:serviceaccounts:${account.namespace}`,
          'system:authenticated',
        ],
        resourceAttributes: {
          verb,
          group,
          resource,
          ...(namespace === undefined ? {} : { namespace }),
          ...(name === undefined ? {} : { name }),
        },
      },
    },
  })
  return status === 201 ? asObject<V1SubjectAccessReview>(body).status?.allowed === true : undefined
}
