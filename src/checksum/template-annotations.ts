/**
 * The annotations of a workload's pod template: what is mirrored there from the workload's metadata, taken back, or put back. Pure.
 * A template is never changed in any other way: a rewritten one would break kubectl's three-way merge.
 */
import { isDeepStrictEqual } from 'node:util'
import { UserError } from '../errors.ts'
import { inTemplate, isOurs, PREFIX, writtenKey } from '../policy/annotations.ts'
import { shown } from '../policy/values/parse.ts'
import { formatChecksums, parseChecksums, sourceId } from '../workload/checksum.ts'
import { type ApiObject, type PodTemplate, podTemplate } from '../workload/pod-template.ts'
import type { Source } from '../workload/references.ts'

export type Annotations = Readonly<Record<string, string>>

const CHECKSUM = writtenKey('checksum')
const MIRRORED = writtenKey('mirrored')

/** What happened to a workload between two versions of it; for a new one everything did. */
export interface Change {
  /** Our keys that the user wrote, on the workload or in its template. */
  keys: boolean
  /** The template, apart from what we wrote there. */
  template: boolean
  /** Somebody wrote another checksum: our controller, or `rollout undo`. */
  checksum: boolean
}

export function changeOf(workload: ApiObject, old: ApiObject | undefined): Change {
  if (!old) return { keys: true, template: true, checksum: true }
  const [now, before] = [podTemplate(workload), podTemplate(old)]
  const stamp = annotationsOf(now)[CHECKSUM]
  return {
    keys:
      !isDeepStrictEqual(userKeys(workload.metadata?.annotations), userKeys(old.metadata?.annotations)) ||
      !isDeepStrictEqual(
        userKeys(withoutOurs(annotationsOf(now))),
        userKeys(withoutOurs(annotationsOf(before))),
      ),
    template: !isDeepStrictEqual(plain(now), plain(before)),
    checksum: stamp !== undefined && stamp !== annotationsOf(before)[CHECKSUM],
  }
}

const annotationsOf = (template: PodTemplate | undefined): Annotations =>
  template?.metadata?.annotations ?? {}

const pick = (
  annotations: Annotations | undefined,
  wanted: (key: string) => boolean,
): Record<string, string> =>
  Object.fromEntries(Object.entries(annotations ?? {}).filter(([key]) => wanted(key)))

const isWritten = (key: string): boolean => key === CHECKSUM || key === MIRRORED

const userKeys = (annotations: Annotations | undefined) =>
  pick(annotations, (key) => isOurs(key) && !isWritten(key))

const withoutOurs = (annotations: Annotations): Annotations => {
  const mirrored = mirroredKeys(annotations)
  return pick(annotations, (key) => !isWritten(key) && !mirrored.has(key))
}

function plain(template: PodTemplate | undefined): unknown {
  const { annotations: _, ...metadata } = template?.metadata ?? {}
  return { ...template, metadata, annotations: withoutOurs(annotationsOf(template)) }
}

/** The keys that the `mirrored` annotation lists, in full. */
export const mirroredKeys = (template: Annotations): Set<string> =>
  new Set(
    (template[MIRRORED] ?? '')
      .split(',')
      .filter(Boolean)
      .map((name) => PREFIX + name),
  )

export const isOptedIn = (metadata: Annotations, template: Annotations): boolean => {
  const own = mirroredKeys(template).has(`${PREFIX}inject`) ? undefined : template[`${PREFIX}inject`]
  return (metadata[`${PREFIX}inject`] ?? own)?.trim() === 'true'
}

export interface Mirrored {
  annotations: Annotations
  /** Keys on which the workload's metadata and its template disagree. */
  conflicts: UserError[]
}

/** The template's annotations with the metadata's template keys in it, and without those mirrored earlier that are gone from there. */
export function mirror(metadata: Annotations, template: Annotations): Mirrored {
  const earlier = mirroredKeys(template)
  const wished = isOptedIn(metadata, template) ? pick(metadata, inTemplate) : {}
  const conflicts = Object.entries(pick(metadata, inTemplate))
    .filter(([key, value]) => !earlier.has(key) && template[key] !== undefined && template[key] !== value)
    .map(
      ([key, value]) =>
        new UserError(
          'HR_TWO_VALUES',
          `${key}: the workload says ${shown(value)}, its pod template ${shown(template[key] ?? '')}`,
          'keep one of them',
        ),
    )
  const kept = pick(template, (key) => key !== MIRRORED && (!earlier.has(key) || Object.hasOwn(wished, key)))
  const added = Object.keys(wished).filter((key) => !Object.hasOwn(kept, key) || earlier.has(key))
  const list = added.map((key) => key.slice(PREFIX.length)).toSorted()
  const annotations = {
    ...kept,
    ...pick(wished, (key) => added.includes(key)),
    ...(list.length > 0 ? { [MIRRORED]: list.join(',') } : {}),
  }
  return { annotations, conflicts }
}

/** What a PUT of the user's own manifest dropped of ours, taken from the version before. */
export function putBack(template: Annotations, before: Annotations): Annotations {
  const ours = pick(before, (key) => isWritten(key) || mirroredKeys(before).has(key))
  return { ...ours, ...template }
}

/** Whether an update to this template replaces the Pods whatever its checksum says; they read what is there then. */
export const replacesPods = (template: PodTemplate, before: PodTemplate | undefined): boolean =>
  !isDeepStrictEqual(
    withAnnotations(template, stamped(annotationsOf(template), undefined)),
    before && withAnnotations(before, stamped(annotationsOf(before), undefined)),
  )

/** The checksum with what the template says of those `sources` that could not be read now, and by somebody else before. */
export function completed(
  checksum: string | undefined,
  template: PodTemplate,
  sources: readonly Source[],
): string | undefined {
  const before = parseChecksums(annotationsOf(template)[CHECKSUM])
  const ids = sources.map(sourceId).filter((id) => before.has(id))
  const unread = ids.map((id): [string, string] => [id, before.get(id) ?? ''])
  return formatChecksums(new Map([...unread, ...parseChecksums(checksum)]))
}

/** With this checksum, or with none. */
export function stamped(template: Annotations, checksum: string | undefined): Annotations {
  return {
    ...pick(template, (key) => key !== CHECKSUM),
    ...(checksum === undefined ? {} : { [CHECKSUM]: checksum }),
  }
}

/** The template with these annotations; the same object where they are what it has. */
export function withAnnotations(template: PodTemplate, annotations: Annotations): PodTemplate {
  if (isDeepStrictEqual(annotationsOf(template), annotations)) return template
  const { annotations: _, ...metadata } = template.metadata ?? {}
  return {
    ...template,
    metadata:
      Object.keys(annotations).length > 0 ? { ...metadata, annotations: { ...annotations } } : metadata,
  }
}
