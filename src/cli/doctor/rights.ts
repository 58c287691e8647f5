/** The rights that hotreload's two ServiceAccounts need, and what does not work without each. A test compares them with deploy/base. Pure. */
import { groupOf, replacesItsPods, type WorkloadKind } from '../../workload/kinds.ts'
import type { Right, ServiceAccount } from '../shared/service-account.ts'
import { type Finding, few } from './finding.ts'

/** The webhook and the controller have a Deployment and a ServiceAccount each. */
export const parts = ['webhook', 'controller'] as const
export type Part = (typeof parts)[number]

interface Need {
  verbs: readonly string[]
  resource: string
  group?: string
  name?: string
  /** In the install's own namespace only. */
  own?: boolean
  /** Its objects have no namespace. */
  isClusterScoped?: boolean
  /** Not needed with cert-manager. */
  ownAuthority?: boolean
  /** The end of "…, so ". */
  without: string
}

const workloadVerbs = ['get', 'list', 'watch', 'patch'] as const

/** What the rights depend on. */
export interface RightsScope {
  certManager: boolean
  /** The kinds of workload that the cluster has. */
  kinds: readonly WorkloadKind[]
  /** `--watch-namespaces`; undefined: all. */
  watched?: readonly string[] | undefined
}

export const needsOf = (part: Part, scope: RightsScope): Need[] => [
  ...bothNeed,
  ...(part === 'webhook' ? webhookNeeds : controllerNeeds(scope)),
]

const bothNeed: readonly Need[] = [
  { resource: 'configmaps', verbs: ['get'], without: 'hotreload takes no checksums and nothing rolls out' },
  {
    resource: 'secrets',
    name: 'hotreload-install-key',
    verbs: ['get'],
    own: true,
    without: 'there is no key for the checksums of Secrets',
  },
]

const controllerNeeds = ({ kinds, watched }: RightsScope): Need[] => [
  { resource: 'configmaps', verbs: ['list', 'watch'], without: 'no change of a ConfigMap is noticed' },
  {
    resource: 'namespaces',
    verbs: watched ? ['get'] : ['list', 'watch'],
    without: 'no namespace counts as labelled',
  },
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
    without: "Reloader's Jobs are not recreated",
  },
  {
    resource: 'pods',
    verbs: ['get', 'list', 'patch'],
    without: 'Pods see an edit after a minute instead of at once',
  },
  { resource: 'events', verbs: ['create'], without: 'no Events are written' },
  {
    resource: 'secrets',
    verbs: ['create'],
    own: true,
    without: 'there is no key for the checksums of Secrets, and no certificate',
  },
  {
    resource: 'secrets',
    name: 'hotreload-install-key',
    verbs: ['patch'],
    own: true,
    without: 'there is no key for the checksums of Secrets',
  },
  ...['hotreload-ca', 'hotreload-serving'].map((name) => ({
    resource: 'secrets',
    name,
    verbs: ['get', 'patch'],
    own: true,
    ownAuthority: true,
    without: 'the webhook has no certificate',
  })),
  {
    group: 'admissionregistration.k8s.io',
    resource: 'mutatingwebhookconfigurations',
    name: 'hotreload',
    verbs: ['get', 'patch'],
    isClusterScoped: true,
    ownAuthority: true,
    without: 'the API server does not get the caBundle',
  },
  {
    resource: 'configmaps',
    verbs: ['get', 'list', 'create', 'patch'],
    own: true,
    without: 'no baselines are stored',
  },
  ...(watched ? ownNamespaceNeeds : []),
  {
    group: 'coordination.k8s.io',
    resource: 'leases',
    verbs: ['create'],
    own: true,
    without: 'no replica leads',
  },
  {
    group: 'coordination.k8s.io',
    resource: 'leases',
    name: 'hotreload-controller',
    verbs: ['get', 'update'],
    own: true,
    without: 'no replica leads',
  },
]

/** What a ClusterRole grants in the install's own namespace too. */
const ownNamespaceNeeds: readonly Need[] = [
  {
    resource: 'events',
    verbs: ['create'],
    own: true,
    without: 'no Event names a mistake in the policy file',
  },
  {
    group: 'apps',
    resource: 'deployments',
    name: 'hotreload-controller',
    verbs: ['get'],
    own: true,
    without: 'no Event names a mistake in the policy file',
  },
]

const webhookNeeds: readonly Need[] = [
  {
    resource: 'secrets',
    name: 'hotreload-serving',
    verbs: ['get'],
    own: true,
    ownAuthority: true,
    without: 'it has no certificate',
  },
]

/** Each right to check, with its need. */
export function rightsNeeded(
  part: Part,
  account: ServiceAccount,
  scope: RightsScope,
): { need: Need; right: Right }[] {
  const everywhere = scope.watched ?? [undefined]
  const namespacesOf = ({ own, isClusterScoped }: Need): readonly (string | undefined)[] =>
    own ? [account.namespace] : isClusterScoped ? [undefined] : everywhere
  return needsOf(part, scope)
    .filter(({ ownAuthority }) => !(ownAuthority === true && scope.certManager))
    .flatMap((need) =>
      namespacesOf(need).flatMap((namespace) =>
        need.verbs.map((verb) => ({
          need,
          right: {
            verb,
            resource: need.resource,
            ...(need.group === undefined ? {} : { group: need.group }),
            ...(need.name === undefined ? {} : { name: need.name }),
            ...(namespace === undefined ? {} : { namespace }),
          },
        })),
      ),
    )
}

/** @param missing those of `rightsNeeded` that the ServiceAccount lacks */
export function checkRights(
  missing: readonly { need: Need; right: Right }[],
  { namespace, name }: ServiceAccount,
): Finding[] {
  const check = 'permissions'
  const account = `ServiceAccount ${namespace}/${name}`
  if (missing.length === 0) return [{ check, result: 'ok', text: `${account} has every right that it needs` }]
  return [...Map.groupBy(missing, ({ need }) => need)].map(
    ([{ resource, group, without, name: only, own }, rights]) => {
      const what = [resource, group].filter(Boolean).join('.') + (only ? ` ${only}` : '')
      const verbs = [...new Set(rights.map(({ right }) => right.verb))].join(', ')
      const where = [...new Set(rights.flatMap(({ right }) => (own ? [] : (right.namespace ?? []))))]
      return {
        check,
        result: 'problem',
        text: `${account} may not ${verbs} ${what}${where.length > 0 ? ` in ${few(where)}` : ''}, so ${without}; ${where.length > 0 ? 'run helm upgrade with these watchNamespaces' : 'apply deploy again'}`,
      }
    },
  )
}
