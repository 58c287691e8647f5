/** Reads the controller's flags. Stakater Reloader's own are among them, so that its Deployment's args can stay. */

import { type AlertSink, defaultTemplate, parseSink, placeholders } from '../../alerts/sink.ts'
import { reloaderKeys } from '../../compat/reloader/annotations.ts'
import { csvList, goBool } from '../../compat/request/go-words.ts'
import { parseSelector } from '../../compat/request/label-selector.ts'
import type { CompatOptions, Selector } from '../../compat/request/options.ts'
import { DEFAULT_NUDGES_PER_SECOND } from '../../controller/pods/nudge-limiter.ts'
import type { RolloutLimits } from '../../controller/rollout/limiter.ts'
import { defaultRolloutLimits } from '../../controller/rollout/limiter.ts'
import { UserError } from '../../errors.ts'
import { isLegalName } from '../../workload/object-name.ts'
import type { Flag } from '../shared/flag.ts'
import { type KeyFlag, keyFlags, reloaderFlags } from './reloader-flags.ts'

export interface ControllerSettings {
  compat: CompatOptions
  limits: RolloutLimits
  maxNudgesPerSecond: number
  evictUninjected: boolean
  issueCertificates: boolean
  /** Undefined: all. */
  watchNamespaces: readonly string[] | undefined
  /** At most one; the policy file may have more. */
  alertSinks: readonly AlertSink[]
}

export const controllerFlags = {
  compat: {
    flags: '--compat <which>',
    doc: "all, none: whether other tools' annotations are followed",
    default: 'all',
  },
  watchNamespaces: {
    flags: '--watch-namespaces <list>',
    doc: "list and watch these namespaces only, for which Roles are enough (the chart's watchNamespaces sets it, with the Roles); --namespaces limits Reloader's annotations, and no list",
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
  maxNudgesPerSecond: {
    flags: '--max-nudges-per-second <number>',
    doc: 'how many Pods the controller annotates in a second, so that their kubelets refresh volumes at once; 0: no limit',
    default: String(DEFAULT_NUDGES_PER_SECOND),
  },
  evictUninjected: {
    flags: '--evict-uninjected [boolean]',
    doc: 'replace Pods that run without the agent, one at a time (needs deploy/evict)',
  },
  issueCertificates: {
    flags: '--issue-certificates [boolean]',
    doc: "issue the webhook's certificate and write its caBundle; false where cert-manager does",
    default: 'true',
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
  ...reloaderFlags,
} satisfies Record<string, Flag>

export type ControllerFlag = keyof typeof controllerFlags

/** An annotation's key: a name, after a DNS name and a slash or alone. */
const QUALIFIED_NAME = /^([a-z0-9][-.a-z0-9]{0,251}\/)?[A-Za-z0-9]([-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?$/

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
  const flagged = (flag: ControllerFlag): boolean => {
    const found = text(flag) === '' ? false : goBool(text(flag))
    if (found !== undefined) return found
    throw bad(flag, text(flag), 'use true or false')
  }
  const count = (flag: ControllerFlag): number => {
    if (/^\d{1,6}$/.test(text(flag))) return Number(text(flag))
    throw bad(flag, text(flag), 'use a whole number; 0 is no limit')
  }
  const list = (flag: ControllerFlag): string[] => {
    const items = csvList(text(flag))
    if (items) return items
    throw bad(flag, text(flag), 'use a list such as a,b or "a","b"')
  }
  const among = <T>(flag: ControllerFlag, words: Readonly<Record<string, T>>): Set<T> =>
    new Set(
      list(flag).map((item) => {
        const [, found] = Object.entries(words).find(([word]) => word === item.toLowerCase()) ?? []
        if (found === undefined) throw bad(flag, item, `use ${Object.keys(words).join(', ')}`)
        return found
      }),
    )
  const selector = (flag: ControllerFlag): Selector => {
    const found = parseSelector(list(flag).join(','))
    if (typeof found !== 'string') return found
    throw bad(flag, found, 'use key:value, key=value, key!=value, key, !key, key in (a,b) or key notin (a,b)')
  }
  const renamedKeys = (): Map<string, string> => {
    const flags = Object.keys(keyFlags) as KeyFlag[]
    const given = flags.filter((flag) => text(flag) !== '' && text(flag) !== keyFlags[flag])
    for (const flag of given)
      if (!QUALIFIED_NAME.test(text(flag)))
        throw bad(flag, text(flag), 'use an annotation key such as example.com/auto')
    return new Map(given.map((flag) => [keyFlags[flag], text(flag)]))
  }
  const watched = (): string[] | undefined => {
    const names = new Set(list('watchNamespaces'))
    // A name becomes part of a path that we request.
    for (const name of names)
      if (!isLegalName(name)) throw bad('watchNamespaces', name, 'use the names of namespaces, such as a,b')
    return names.size > 0 ? [...names] : undefined
  }
  // Checked, though they have no effect.
  for (const flag of ['syncAfterRestart', 'isArgoRollouts', 'enableHa', 'enablePprof'] as const) flagged(flag)
  if (text('logFormat') !== '') oneOf('logFormat', 'json')
  // The URL may hold a password.
  if (text('webhookUrl') !== '')
    throw new UserError(
      'HR_BAD_FLAG',
      '--webhook-url: a call in place of a rollout is not possible',
      'leave it out; --alert-url announces each rollout',
    )
  if (!['', reloaderKeys.pausedAt].includes(text('pauseDeploymentTimeAnnotation')))
    throw bad(
      'pauseDeploymentTimeAnnotation',
      text('pauseDeploymentTimeAnnotation'),
      `leave it out: the admission policy lets hotreload write no other key than ${reloaderKeys.pausedAt}`,
    )
  const only = [...list('namespaces'), environment['KUBERNETES_NAMESPACE'] ?? ''].filter(
    (name) => name !== '',
  )
  return {
    evictUninjected: flagged('evictUninjected'),
    issueCertificates: flagged('issueCertificates'),
    watchNamespaces: watched(),
    alertSinks: text('alertUrl') === '' ? [] : [alertSink(text('alertUrl'), text('alertTemplate'))],
    limits: { total: count('maxReplacedPods'), perNamespace: count('maxReplacedPodsPerNamespace') },
    maxNudgesPerSecond: count('maxNudgesPerSecond'),
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
      renamedKeys: renamedKeys(),
    },
  }
}

function alertSink(address: string, template: string): AlertSink {
  const sink = parseSink(address, template)
  if (!sink) throw new UserError('HR_BAD_FLAG', '--alert-url: not a URL', 'use https://…')
  return sink
}

function bad(flag: ControllerFlag, value: string, remedy: string): UserError {
  const [name] = controllerFlags[flag].flags.split(' ')
  return new UserError(
    'HR_BAD_FLAG',
    `${name}: ${JSON.stringify(value.slice(0, 100))} is not a valid value`,
    remedy,
  )
}
