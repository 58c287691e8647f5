/**
 * The rights of hotreload's ServiceAccount, and what stops without each. A test holds them against deploy/base: what is asked for here
 * is granted there.
 */
import { groupOf, replacesItsPods, type WorkloadKind } from '../../workload/kinds.ts'
import type { Right, ServiceAccount } from '../shared/service-account.ts'
import type { Finding } from './finding.ts'

interface Need {
  verbs: readonly string[]
  resource: string
  group?: string
  name?: string
  /** In the install's own namespace only. */
  own?: boolean
  /** Not with cert-manager, which does it then. */
  ownAuthority?: boolean
  /** The end of "…, so ". */
  without: string
}

const workloadVerbs = ['get', 'list', 'watch', 'patch'] as const

/** @param kinds the kinds of workload that the cluster has */
export const needsOf = (kinds: readonly WorkloadKind[]): Need[] => [
  { resource: 'configmaps', verbs: ['get'], without: 'no checksum is taken and nothing rolls out' },
  { resource: 'configmaps', verbs: ['list', 'watch'], without: 'no edit of a ConfigMap is seen' },
  { resource: 'namespaces', verbs: ['list', 'watch'], without: 'no namespace counts as labelled' },
  ...kinds.filter(replacesItsPods).map((kind) => ({
    group: groupOf(kind),
    resource: kind.plural,
    verbs: workloadVerbs,
    without: `${kind.plural} are not rolled out`,
  })),
  {
    group: 'batch',
    resource: 'cronjobs',
    verbs: ['get', 'list', 'watch'],
    without: "Reloader's CronJobs are not run",
  },
  {
    group: 'batch',
    resource: 'jobs',
    verbs: ['get', 'list', 'watch', 'create', 'delete'],
    without: "Reloader's Jobs are not made again",
  },
  {
    resource: 'pods',
    verbs: ['get', 'list', 'patch'],
    without: 'Pods see an edit after a minute instead of at once',
  },
  { resource: 'events', verbs: ['create'], without: 'no Event says what was done' },
  { resource: 'configmaps', verbs: ['create', 'patch'], own: true, without: 'no baseline is kept' },
  { group: 'coordination.k8s.io', resource: 'leases', verbs: ['create'], own: true, without: 'nobody leads' },
  {
    group: 'coordination.k8s.io',
    resource: 'leases',
    name: 'hotreload-controller',
    verbs: ['get', 'update'],
    own: true,
    without: 'nobody leads',
  },
  { resource: 'secrets', verbs: ['create'], own: true, without: 'there is no key to hash Secrets with' },
  {
    resource: 'secrets',
    name: 'hotreload-install-key',
    verbs: ['get'],
    own: true,
    without: 'there is no key to hash Secrets with',
  },
  ...['hotreload-ca', 'hotreload-serving'].map((name) => ({
    resource: 'secrets',
    name,
    verbs: ['get', 'patch'],
    own: true,
    ownAuthority: true,
    without: 'the certificate is not kept',
  })),
  {
    group: 'admissionregistration.k8s.io',
    resource: 'mutatingwebhookconfigurations',
    name: 'hotreload',
    verbs: ['get', 'patch'],
    ownAuthority: true,
    without: 'the API server is not told whom to trust',
  },
]

/** Each right to ask for, with its need. */
export function rightsNeeded(
  account: ServiceAccount,
  certManager: boolean,
  kinds: readonly WorkloadKind[],
): { need: Need; right: Right }[] {
  return needsOf(kinds)
    .filter(({ ownAuthority }) => !(ownAuthority === true && certManager))
    .flatMap((need) =>
      need.verbs.map((verb) => ({
        need,
        right: {
          verb,
          resource: need.resource,
          ...(need.group === undefined ? {} : { group: need.group }),
          ...(need.name === undefined ? {} : { name: need.name }),
          ...(need.own === true ? { namespace: account.namespace } : {}),
        },
      })),
    )
}

/** @param missing of what `rightsNeeded` lists */
export function checkRights(
  missing: readonly { need: Need; right: Right }[],
  { namespace, name }: ServiceAccount,
): Finding[] {
  const check = 'permissions'
  const who = `ServiceAccount ${namespace}/${name}`
  if (missing.length === 0) return [{ check, result: 'ok', text: `${who} has every right that it needs` }]
  return [...Map.groupBy(missing, ({ need }) => need)].map(
    ([{ resource, group, without, name: only }, rights]) => {
      const what = [resource, group].filter(Boolean).join('.') + (only ? ` ${only}` : '')
      const verbs = rights.map(({ right }) => right.verb).join(', ')
      return {
        check,
        result: 'problem',
        text: `${who} may not ${verbs} ${what}, so ${without}; apply deploy again`,
      }
    },
  )
}
