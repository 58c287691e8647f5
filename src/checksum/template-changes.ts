/**
 * Finds what changed in a workload's pod template between two versions, and which of hotreload's annotations the new one must keep. Pure.
 */
import { isDeepStrictEqual } from 'node:util'
import { isOurs, writtenKey } from '../policy/annotations.ts'
import {
  type Annotations,
  annotationsOf,
  mirroredKeys,
  pickAnnotations,
  withAnnotations,
} from '../policy/mirror.ts'
import { formatChecksums, parseChecksums, sourceId } from '../workload/checksum.ts'
import { type ApiObject, type PodTemplate, podTemplate } from '../workload/pod-template.ts'
import type { Source } from '../workload/references.ts'

const CHECKSUM = writtenKey('checksum')
const MIRRORED = writtenKey('mirrored')

/** What an update of a workload changes; a creation changes everything. */
export interface WorkloadChange {
  /** Keys of ours that the user wrote, on the workload or in its template. */
  keys: boolean
  /** The template, apart from what hotreload wrote there. */
  template: boolean
  /** The checksum: our controller or `kubectl rollout undo` wrote another one. */
  checksum: boolean
}

export function workloadChange(workload: ApiObject, old: ApiObject | null): WorkloadChange {
  if (!old) return { keys: true, template: true, checksum: true }
  const [now, before] = [podTemplate(workload), podTemplate(old)]
  const checksum = annotationsOf(now)[CHECKSUM]
  return {
    keys:
      !isDeepStrictEqual(userKeys(annotationsOf(workload)), userKeys(annotationsOf(old))) ||
      !isDeepStrictEqual(
        userKeys(withoutOurs(annotationsOf(now))),
        userKeys(withoutOurs(annotationsOf(before))),
      ),
    template: !isDeepStrictEqual(plain(now), plain(before)),
    checksum: checksum !== undefined && checksum !== annotationsOf(before)[CHECKSUM],
  }
}

const isWritten = (key: string): boolean => key === CHECKSUM || key === MIRRORED

const userKeys = (annotations: Annotations) =>
  pickAnnotations(annotations, (key) => isOurs(key) && !isWritten(key))

const withoutOurs = (annotations: Annotations): Annotations => {
  const mirrored = mirroredKeys(annotations)
  return pickAnnotations(annotations, (key) => !isWritten(key) && !mirrored.has(key))
}

function plain(template: PodTemplate | undefined): unknown {
  const { annotations: _, ...metadata } = template?.metadata ?? {}
  return { ...template, metadata, annotations: withoutOurs(annotationsOf(template)) }
}

/** The template's annotations with those of ours that a PUT of the user's own manifest dropped. */
export function restoreDropped(template: Annotations, before: Annotations): Annotations {
  const ours = pickAnnotations(before, (key) => isWritten(key) || mirroredKeys(before).has(key))
  return { ...ours, ...template }
}

/** Whether an update to this template replaces the Pods, whatever its checksum says. New Pods read the sources as they are then. */
export const replacesPods = (template: PodTemplate, before: PodTemplate | undefined): boolean =>
  !isDeepStrictEqual(
    withAnnotations(template, withChecksum(annotationsOf(template), undefined)),
    before && withAnnotations(before, withChecksum(annotationsOf(before), undefined)),
  )

/** The checksum, and for each of `sources` that it lacks (we could not read it) what another writer put into the template. */
export function keepUnread(
  checksum: string | undefined,
  template: PodTemplate,
  sources: readonly Source[],
): string | undefined {
  const before = parseChecksums(annotationsOf(template)[CHECKSUM])
  const ids = sources.map(sourceId).filter((id) => before.has(id))
  const unread = ids.map((id): [string, string] => [id, before.get(id) ?? ''])
  return formatChecksums(new Map([...unread, ...parseChecksums(checksum)]))
}

/** The annotations with this checksum, or without one. */
export function withChecksum(template: Annotations, checksum: string | undefined): Annotations {
  return {
    ...pickAnnotations(template, (key) => key !== CHECKSUM),
    ...(checksum === undefined ? {} : { [CHECKSUM]: checksum }),
  }
}
