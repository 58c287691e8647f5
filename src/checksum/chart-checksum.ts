/**
 * Keeps a chart's own `checksum/…` annotations as they were (`hotreload.dev/chart-checksum: freeze`). If nothing else in the template changes
 * and every source reloads in place, the old values spare a rollout. Pure.
 */
import { isDeepStrictEqual } from 'node:util'
import { type Annotations, annotationsOf } from '../policy/mirror.ts'
import type { PodTemplate } from '../workload/pod-template.ts'

/** The keys of a chart's own checksums. Helm charts put them on the template, so that a changed ConfigMap replaces the Pods. */
export const chartChecksumKeys = (template: PodTemplate): string[] =>
  Object.keys(annotationsOf(template)).filter(isChartChecksum)

const isChartChecksum = (key: string): boolean => key.startsWith('checksum/')

/**
 * The template's annotations with the chart's checksums of `before`; undefined if something else differs too, if a checksum was added or
 * removed, or if none differs.
 */
export function keepChartChecksums(template: PodTemplate, before: PodTemplate): Annotations | undefined {
  const [now, then] = [annotationsOf(template), annotationsOf(before)]
  const keys = Object.keys(now).filter((key) => isChartChecksum(key) && now[key] !== then[key])
  if (keys.length === 0 || keys.some((key) => then[key] === undefined)) return undefined
  const annotations = { ...now, ...Object.fromEntries(keys.map((key) => [key, then[key] ?? ''])) }
  const withOnly = ({ metadata, ...others }: PodTemplate, instead: Annotations) => ({
    ...others,
    metadata: { ...metadata, annotations: instead },
  })
  return isDeepStrictEqual(withOnly(template, annotations), withOnly(before, then)) ? annotations : undefined
}
