/**
 * Charts' own `checksum/…` annotations, kept as they were (`hotreload.dev/chart-checksum: freeze`): where nothing else of the template
 * changes and every source reloads in place, the old values mean no rollout. Pure.
 */
import { isDeepStrictEqual } from 'node:util'
import type { PodTemplate } from '../workload/pod-template.ts'
import type { Annotations } from './template-annotations.ts'

export const isChartChecksum = (key: string): boolean => key.startsWith('checksum/')

/**
 * The template's annotations with the chart's checksums of `before`; undefined where something else differs too, a checksum comes or goes,
 * or none differs.
 */
export function frozen(template: PodTemplate, before: PodTemplate): Annotations | undefined {
  const [now, then] = [template.metadata?.annotations ?? {}, before.metadata?.annotations ?? {}]
  const keys = Object.keys(now).filter((key) => isChartChecksum(key) && now[key] !== then[key])
  if (keys.length === 0 || keys.some((key) => then[key] === undefined)) return undefined
  const annotations = { ...now, ...Object.fromEntries(keys.map((key) => [key, then[key] ?? ''])) }
  const rest = ({ metadata, ...others }: PodTemplate, instead: Annotations) => ({
    ...others,
    metadata: { ...metadata, annotations: instead },
  })
  return isDeepStrictEqual(rest(template, annotations), rest(before, then)) ? annotations : undefined
}
