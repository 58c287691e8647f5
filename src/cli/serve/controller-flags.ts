/** Reads the controller's flags. Stakater Reloader's own are among them, so that its Deployment's args can stay. */

import { type AlertSink, defaultTemplate, parseSink, placeholders } from '../../alerts/sink.ts'
import { type CompatOptions, type Requirement, type Selector } from '../../compat/request/options.ts'
import type { RolloutLimits } from '../../controller/rollout/limiter.ts'
import { defaultRolloutLimits } from '../../controller/rollout/limiter.ts'
import { UserError } from '../../errors.ts'
import type { Flag } from '../shared/flag.ts'

export interface ControllerSettings {
  compat: CompatOptions
  limits: RolloutLimits
  evictUninjected: boolean
  /** At most one; the policy file may have more. */
  alertSinks: readonly AlertSink[]
}

export const controllerFlags = {
  compat: {
    flags: '--compat <which>',
    doc: "all, none: whether other tools' annotations are followed",
    default: 'all',
  },
  maxReplacedPods: {
    flags: '--max-replaced-pods <number>',
    doc: 'no rollout begins while others replace so many Pods at once; 0: no limit',
    default: String(defaultRolloutLimits.total),
  },
  maxReplacedPodsPerNamespace: {
    flags: '--max-replaced-pods-per-namespace <number>',
    doc: 'the same, of the Pods of one namespace',
    default: String(defaultRolloutLimits.perNamespace),
  },
  evictUninjected: {
    flags: '--evict-uninjected [boolean]',
    doc: 'replace Pods that run without the agent, one at a time (needs deploy/evict)',
  },
  alertUrl: {
    flags: '--alert-url <url>',
    doc: 'URL to which rollouts and problems are posted as JSON; better as HOTRELOAD_ALERT_URL from a Secret',
  },
  alertTemplate: {
    flags: '--alert-template <json>',
    doc: `JSON to post, with ${placeholders.join(', ')}`,
    default: defaultTemplate,
  },
  reloadStrategy: {
    flags: '--reload-strategy <strategy>',
    doc: 'Reloader: env-vars, annotations: what a rollout for its annotations writes',
    default: 'env-vars',
  },
  autoReloadAll: {
    flags: '--auto-reload-all [boolean]',
    doc: 'Reloader: opt in all workloads without auto: "false"',
  },
  reloadOnCreate: {
    flags: '--reload-on-create [boolean]',
    doc: 'Reloader: roll out when a ConfigMap or Secret is created',
  },
  reloadOnDelete: { flags: '--reload-on-delete [boolean]', doc: 'Reloader: roll out when one is deleted' },
  syncAfterRestart: {
    flags: '--sync-after-restart [boolean]',
    doc: 'Reloader: no effect; changes made while the controller was down are always rolled out',
  },
  resourcesToIgnore: { flags: '--resources-to-ignore <list>', doc: 'Reloader: ignore configmaps or secrets' },
  ignoredWorkloadTypes: { flags: '--ignored-workload-types <list>', doc: 'Reloader: ignore jobs, cronjobs' },
  namespaces: {
    flags: '--namespaces <list>',
    doc: 'Reloader: follow its annotations in these namespaces only',
  },
  namespacesToIgnore: {
    flags: '--namespaces-to-ignore <list>',
    doc: 'Reloader: ignore its annotations in these namespaces',
  },
  namespaceSelector: {
    flags: '--namespace-selector <list>',
    doc: 'Reloader: follow its annotations in namespaces with these labels only: key:value, key=value, key',
  },
  resourceLabelSelector: {
    flags: '--resource-label-selector <list>',
    doc: 'Reloader: follow ConfigMaps and Secrets with these labels only',
  },
  isArgoRollouts: {
    flags: '--is-Argo-Rollouts [boolean]',
    doc: 'Reloader: no effect; Argo Rollouts are watched wherever they are installed',
  },
  enableCsiIntegration: {
    flags: '--enable-csi-integration [boolean]',
    doc: 'Reloader: watch SecretProviderClasses of the Secrets Store CSI driver',
  },
} satisfies Record<string, Flag>

export type ControllerFlag = keyof typeof controllerFlags

/**
 * @param given as commander read it: `true` for a flag without a value
 * @param environment of the process: KUBERNETES_NAMESPACE limits Reloader's annotations to one namespace
 * @throws UserError HR_BAD_FLAG
 */
export function readControllerFlags(
  given: Partial<Record<ControllerFlag, string | true>>,
  environment: Readonly<Record<string, string | undefined>> = {},
): ControllerSettings {
  const text = (flag: ControllerFlag): string => {
    const { default: fallback = '' }: Flag = controllerFlags[flag]
    const value = given[flag] ?? fallback
    return value === true ? 'true' : value.trim()
  }
  const oneOf = <T extends string>(flag: ControllerFlag, ...words: readonly T[]): T => {
    const found = words.find((word) => word === text(flag))
    if (found !== undefined) return found
    throw bad(flag, text(flag), `use ${words.join(' or ')}`)
  }
  const flagged = (flag: ControllerFlag): boolean =>
    text(flag) !== '' && oneOf(flag, 'true', 'false') === 'true'
  const count = (flag: ControllerFlag): number => {
    if (/^\d{1,6}$/.test(text(flag))) return Number(text(flag))
    throw bad(flag, text(flag), 'use a whole number; 0 is no limit')
  }
  const list = (flag: ControllerFlag): string[] =>
    text(flag)
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '')
  const among = <T>(flag: ControllerFlag, words: Readonly<Record<string, T>>): Set<T> =>
    new Set(
      list(flag).map((item) => {
        const found = words[item.toLowerCase()]
        if (found === undefined) throw bad(flag, item, `use ${Object.keys(words).join(', ')}`)
        return found
      }),
    )
  const selector = (flag: ControllerFlag): Selector => list(flag).map((item) => requirement(flag, item))
  // Checked, though they have no effect.
  flagged('syncAfterRestart')
  flagged('isArgoRollouts')
  const only = [...list('namespaces'), environment['KUBERNETES_NAMESPACE'] ?? ''].filter(
    (name) => name !== '',
  )
  return {
    evictUninjected: flagged('evictUninjected'),
    alertSinks: text('alertUrl') === '' ? [] : [alertSink(text('alertUrl'), text('alertTemplate'))],
    limits: { total: count('maxReplacedPods'), perNamespace: count('maxReplacedPodsPerNamespace') },
    compat: {
      enabled: oneOf('compat', 'all', 'none') === 'all',
      strategy: oneOf('reloadStrategy', 'env-vars', 'annotations'),
      autoReloadAll: flagged('autoReloadAll'),
      reloadOnCreate: flagged('reloadOnCreate'),
      reloadOnDelete: flagged('reloadOnDelete'),
      ignoredKinds: among('resourcesToIgnore', { configmaps: 'ConfigMap', secrets: 'Secret' } as const),
      ignoredWorkloads: among('ignoredWorkloadTypes', { jobs: 'Job', cronjobs: 'CronJob' }),
      namespaces: only.length > 0 ? new Set(only) : undefined,
      ignoredNamespaces: new Set(list('namespacesToIgnore')),
      namespaceSelector: selector('namespaceSelector'),
      resourceSelector: selector('resourceLabelSelector'),
      csi: flagged('enableCsiIntegration'),
    },
  }
}

function alertSink(address: string, template: string): AlertSink {
  const sink = parseSink(address, template)
  if (!sink) throw new UserError('HR_BAD_FLAG', '--alert-url: not a URL', 'use https://…')
  return sink
}

/** `key:value` and `key:*` as Reloader reads them; `key=value`, `key!=value`, `key` and `!key` as kubectl does. */
function requirement(flag: ControllerFlag, item: string): Requirement {
  const [, not, key = '', operator = '', value = ''] =
    /^(!?)([-./\w]+?)(?:\s*(:|!=|==?)\s*([-.*\w]*))?$/.exec(item) ?? []
  if (key === '' || (not && operator))
    throw bad(flag, item, 'use key:value, key=value, key!=value, key or !key')
  if (not) return { key, operator: 'absent', values: [] }
  if (operator === '' || value === '*') return { key, operator: 'exists', values: [] }
  return { key, operator: operator === '!=' ? 'notIn' : 'in', values: [value] }
}

function bad(flag: ControllerFlag, value: string, remedy: string): UserError {
  const [name] = controllerFlags[flag].flags.split(' ')
  return new UserError(
    'HR_BAD_FLAG',
    `${name}: ${JSON.stringify(value.slice(0, 100))} is not a valid value`,
    remedy,
  )
}
