/** Stakater Reloader's flags, so that its Deployment's args can stay. controller-flags.ts reads them. */
import { kindKey, reloaderKeys } from '../../compat/reloader/annotations.ts'
import type { Flag } from '../shared/flag.ts'

/** Flags that rename an annotation, and the key that each replaces. */
export const keyFlags = {
  autoAnnotation: reloaderKeys.auto,
  configmapAutoAnnotation: kindKey('ConfigMap', 'auto'),
  secretAutoAnnotation: kindKey('Secret', 'auto'),
  configmapAnnotation: kindKey('ConfigMap', 'reload'),
  secretAnnotation: kindKey('Secret', 'reload'),
  autoSearchAnnotation: reloaderKeys.search,
  searchMatchAnnotation: reloaderKeys.match,
  ignoreAnnotation: reloaderKeys.ignore,
  pauseDeploymentAnnotation: reloaderKeys.pausePeriod,
} as const
export type KeyFlag = keyof typeof keyFlags

const keyFlag = (name: string, key: string): Flag => ({
  flags: `--${name} <key>`,
  doc: `Reloader: the annotation in place of ${key}`,
})

export const reloaderFlags = {
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
    doc: 'Reloader: follow its annotations in namespaces with these labels only: key:value, key=value, key in (a,b), key',
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
  logFormat: { flags: '--log-format <format>', doc: 'Reloader: no effect; the log is JSON' },
  enableHa: {
    flags: '--enable-ha [boolean]',
    doc: 'Reloader: no effect; of several replicas one leads, always',
  },
  enablePprof: { flags: '--enable-pprof [boolean]', doc: 'Reloader: no effect; there is no such port' },
  pprofAddr: { flags: '--pprof-addr <address>', doc: 'Reloader: no effect, as --enable-pprof' },
  webhookUrl: {
    flags: '--webhook-url <url>',
    doc: 'Reloader: not possible; --alert-url announces rollouts, and nothing replaces them',
  },
  autoAnnotation: keyFlag('auto-annotation', keyFlags.autoAnnotation),
  configmapAutoAnnotation: keyFlag('configmap-auto-annotation', keyFlags.configmapAutoAnnotation),
  secretAutoAnnotation: keyFlag('secret-auto-annotation', keyFlags.secretAutoAnnotation),
  configmapAnnotation: keyFlag('configmap-annotation', keyFlags.configmapAnnotation),
  secretAnnotation: keyFlag('secret-annotation', keyFlags.secretAnnotation),
  autoSearchAnnotation: keyFlag('auto-search-annotation', keyFlags.autoSearchAnnotation),
  searchMatchAnnotation: keyFlag('search-match-annotation', keyFlags.searchMatchAnnotation),
  ignoreAnnotation: keyFlag('ignore-annotation', keyFlags.ignoreAnnotation),
  pauseDeploymentAnnotation: keyFlag('pause-deployment-annotation', keyFlags.pauseDeploymentAnnotation),
  pauseDeploymentTimeAnnotation: {
    flags: '--pause-deployment-time-annotation <key>',
    doc: `Reloader: not possible; the key stays ${reloaderKeys.pausedAt}`,
  },
} satisfies Record<string, Flag>
