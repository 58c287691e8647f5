/**
 * Copies hotreload's annotations from a workload's metadata into its pod template, and takes them back from there. Pure.
 * A template changes in no other way: a rewritten one would break kubectl's three-way merge.
 */
import { isDeepStrictEqual } from 'node:util'
import { UserError } from '../errors.ts'
import { type ApiObject, type PodTemplate, podTemplate } from '../workload/pod-template.ts'
import { inTemplate, isOurs, PAUSE, PREFIX, parseKey, writtenKey } from './annotations.ts'
import { MISTAKES } from './values/bounds.ts'
import { shown } from './values/parse.ts'

export type Annotations = Readonly<Record<string, string>>

export const INJECT = `${PREFIX}inject`

const MIRRORED = writtenKey('mirrored')

export const annotationsOf = ({ metadata }: Pick<PodTemplate, 'metadata'> = {}): Annotations =>
  metadata?.annotations ?? {}

export const pickAnnotations = (
  annotations: Annotations,
  isWanted: (key: string) => boolean,
): Record<string, string> => Object.fromEntries(Object.entries(annotations).filter(([key]) => isWanted(key)))

/** The keys that the `mirrored` annotation lists, in full. */
export const mirroredKeys = (template: Annotations): Set<string> =>
  new Set(
    (template[MIRRORED] ?? '')
      .split(',')
      .filter(Boolean)
      .map((name) => PREFIX + name),
  )

/** Whether a workload or a Pod requests injection. */
export const isOptedIn = (object: ApiObject): boolean =>
  hasOptIn(annotationsOf(object), annotationsOf(podTemplate(object)))

/** The metadata's `inject` wins over the template's. A mirrored one in the template does not count. */
export function hasOptIn(metadata: Annotations, template: Annotations): boolean {
  const own = mirroredKeys(template).has(INJECT) ? undefined : template[INJECT]
  return (metadata[INJECT] ?? own)?.trim() === 'true'
}

/** Keys of ours without an effect: the workload is not opted in, and does not say `inject: "false"` either. */
export function idleKeys(workload: ApiObject): string[] {
  const places = [annotationsOf(workload), annotationsOf(podTemplate(workload))]
  if (places.some((one) => Object.hasOwn(one, INJECT))) return []
  const keys = places.flatMap((one) => Object.keys(one))
  // A pause holds for the annotations of other tools, too.
  return [...new Set(keys)].filter((key) => isOurs(key) && key !== PAUSE && parseKey(key) !== undefined)
}

export interface Mirrored {
  /** Of the template. */
  annotations: Annotations
  /** Keys on which the workload's metadata and its template disagree; of many only the first. */
  conflicts: UserError[]
}

/** Adds the metadata's template keys to the template's annotations, and removes those mirrored earlier that the metadata lost. */
export function mirror(metadata: Annotations, template: Annotations): Mirrored {
  const earlier = mirroredKeys(template)
  const wanted = hasOptIn(metadata, template) ? pickAnnotations(metadata, inTemplate) : {}
  const conflicts = Object.entries(pickAnnotations(metadata, inTemplate))
    .filter(([key, value]) => !earlier.has(key) && template[key] !== undefined && template[key] !== value)
    .slice(0, MISTAKES)
    .map(
      ([key, value]) =>
        new UserError(
          'HR_TWO_VALUES',
          `${key}: the workload says ${shown(value)}, its pod template ${shown(template[key] ?? '')}`,
          'keep one of them',
        ),
    )
  const kept = pickAnnotations(
    template,
    (key) => key !== MIRRORED && (!earlier.has(key) || Object.hasOwn(wanted, key)),
  )
  const added = new Set(Object.keys(wanted).filter((key) => !Object.hasOwn(kept, key) || earlier.has(key)))
  const list = [...added].map((key) => key.slice(PREFIX.length)).toSorted()
  const annotations = {
    ...kept,
    ...pickAnnotations(wanted, (key) => added.has(key)),
    ...(list.length > 0 ? { [MIRRORED]: list.join(',') } : {}),
  }
  return { annotations, conflicts }
}

/** The template with these annotations; the same object if it has exactly these. */
export function withAnnotations(template: PodTemplate, annotations: Annotations): PodTemplate {
  if (isDeepStrictEqual(annotationsOf(template), annotations)) return template
  const { annotations: _, ...metadata } = template.metadata ?? {}
  return {
    ...template,
    metadata:
      Object.keys(annotations).length > 0 ? { ...metadata, annotations: { ...annotations } } : metadata,
  }
}
