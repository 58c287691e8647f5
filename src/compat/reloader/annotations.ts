/** Stakater Reloader's annotations. Facts: its source, v1.4. */
import type { SourceKind } from '../../workload/sources-in-use.ts'

export type Annotations = Readonly<Record<string, string>>

const RELOADER = 'reloader.stakater.com'
export const reloaderKeys = {
  auto: `${RELOADER}/auto`,
  search: `${RELOADER}/search`,
  match: `${RELOADER}/match`,
  ignore: `${RELOADER}/ignore`,
  rolloutStrategy: `${RELOADER}/rollout-strategy`,
  lastReloadedFrom: `${RELOADER}/last-reloaded-from`,
  pausePeriod: `deployment.${RELOADER}/pause-period`,
  pausedAt: `deployment.${RELOADER}/paused-at`,
} as const

/** `configmap.reloader.stakater.com/reload` */
export const kindKey = (kind: SourceKind, name: 'auto' | 'reload'): string =>
  `${kind.toLowerCase()}.${RELOADER}/${name}`

export const excludeKeys: Record<SourceKind, string> = {
  ConfigMap: `configmaps.exclude.${RELOADER}/reload`,
  Secret: `secrets.exclude.${RELOADER}/reload`,
  SecretProviderClass: `secretproviderclasses.exclude.${RELOADER}/reload`,
}
