/** `hotreload inject`: what the webhook would do to the Pods of these manifests, written into the manifests. Offline, with the same core. */
import { injectPod } from '../inject/pod.ts'
import { skipReasons, unsuitable } from '../policy/decide.ts'
import type { Defaults } from '../policy/defaults.ts'
import { INJECT, mirror, withAnnotations } from '../policy/mirror.ts'
import { readWorkload, warningsOf } from '../policy/read-workload.ts'
import { isObject } from '../workload/json-object.ts'
import { type ApiObject, type PodTemplate, podTemplate, withPodTemplate } from '../workload/pod-template.ts'
import { isInjected } from '../workload/references.ts'
import { mistypedAnnotations, textAnnotations } from './shared/annotation-text.ts'
import { mapObjects } from './shared/manifest.ts'
import { readManifests } from './shared/read-manifests.ts'

export interface InjectOptions {
  agentImage: string
  version: string
  defaults: Defaults
  /** Treat every workload as opted in. */
  injectAll: boolean
}

export interface Injected {
  manifests: string
  /** For stderr: what was not done and why, each beginning with the object. */
  notes: string[]
  /** Mistakes; with any, the manifests are not to be used. */
  problems: string[]
  /** Workloads and Pods that say nothing about injection, either way. */
  silent: number
}

/** Pure: a stream of manifests in, the injected stream out. `file` is for messages. */
export function injectManifests(stream: string, file: string, options: InjectOptions): Injected {
  const notes: string[] = []
  const problems: string[] = []
  let silent = 0
  const manifests = mapObjects(stream, file, (object) => {
    const result = injectObject(object, options)
    const name =
      `${file}: ${object.kind ?? 'object'} ${object.metadata?.name ?? object.metadata?.generateName ?? ''}`.trim()
    notes.push(...result.notes.map((note) => `${name}: ${note}`))
    problems.push(...result.problems.map((problem) => `${name}: ${problem}`))
    if (result.object === object && saysNothing(object)) silent += 1
    return result.object
  })
  return { manifests, notes, problems, silent }
}

function saysNothing(object: ApiObject): boolean {
  const template = podTemplate(object)
  const places = [object.metadata, template?.metadata]
  return template !== undefined && places.every((place) => place?.annotations?.[INJECT] === undefined)
}

/** One object; the same one where there is nothing to do. */
export function injectObject(
  object: ApiObject,
  options: InjectOptions,
): { object: ApiObject; notes: string[]; problems: string[] } {
  const written = podTemplate(object)
  if (!written) return { object, notes: [], problems: [] }
  const template = withoutNulls(written) as PodTemplate
  const places = object.kind === 'Pod' ? [object.metadata] : [object.metadata, template.metadata]
  const mistyped = places.flatMap((place) => mistypedAnnotations(place?.annotations))
  if (mistyped.length > 0) return { object, notes: [], problems: mistyped.map(({ message }) => message) }
  const own = textAnnotations(object.metadata?.annotations)
  const inner = textAnnotations(template.metadata?.annotations)
  // --inject-all does not overrule a template that refuses.
  const isForced = options.injectAll && inner[INJECT]?.trim() !== 'false'
  const metadata = isForced ? { [INJECT]: 'true', ...own } : own
  const annotations = object.kind === 'Pod' ? metadata : inner
  const mirrored = mirror(metadata, annotations)
  if (mirrored.conflicts.length > 0)
    return { object, notes: [], problems: mirrored.conflicts.map(({ message }) => message) }
  const workload = withPodTemplate(
    { ...object, metadata: { ...object.metadata, annotations: metadata } },
    withAnnotations(template, annotations),
  )
  if (isInjected(template)) return { object, notes: [], problems: [] }
  // The manifest itself is rewritten, so that applying it again changes nothing, a bare Pod's mounts included.
  const reading = readWorkload(workload, options.defaults, mirrored, false)
  // A value that is neither true nor false is not mirrored, and is a mistake of its own.
  const isRequested = (metadata[INJECT] ?? mirrored.annotations[INJECT] ?? 'false').trim() !== 'false'
  if (reading.problems.length > 0 && isRequested)
    return { object, notes: [], problems: reading.problems.map(({ message }) => message) }
  if (reading.skip === 'notRequested') return { object, notes: [], problems: [] }
  const warnings = unsuitable(template) ? reading.unknown : warningsOf(reading)
  if (reading.skip)
    return { object, notes: [...warnings, `not injected: ${skipReasons[reading.skip]}`], problems: [] }
  const injected = injectPod(reading.template, reading.plan, options)
  return { object: withPodTemplate(object, injected), notes: warnings, problems: [] }
}

/** A field that is null is one that is not there: so the API server reads it, and templating leaves many (`volumeMounts:` with nothing below). */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.filter((one) => one !== null).map(withoutNulls)
  if (!isObject(value)) return value
  const present = Object.entries(value).filter(([, field]) => field !== null)
  return Object.fromEntries(present.map(([name, field]) => [name, withoutNulls(field)]))
}

/** Reads each of `files` (`-`: standard input; a directory: its manifests by name), writes the result, and the notes to stderr. */
export async function inject(
  files: readonly string[],
  options: InjectOptions,
  io: InjectIo,
): Promise<number> {
  const sources = (await Promise.all(files.map((file) => readManifests(file, io.stdin)))).flat()
  const results = sources.map(({ file, stream }) => injectManifests(stream, file, options))
  for (const note of results.flatMap(({ notes }) => notes)) io.stderr.write(`${note}\n`)
  const problems = results.flatMap((result) => result.problems)
  for (const problem of problems) io.stderr.write(`${problem}\n`)
  if (problems.length > 0) return 1
  const unchanged = results.every(({ manifests }, index) => manifests === sources[index]?.stream)
  if (unchanged && results.some(({ silent }) => silent > 0))
    io.stderr.write(
      `nothing here asks for injection, so nothing is changed: annotate a workload with ${INJECT}: "true", or use --inject-all\n`,
    )
  io.stdout.write(results.map(({ manifests }) => manifests).reduce(joined, ''))
  return 0
}

export interface InjectIo {
  stdin: NodeJS.ReadableStream
  stdout: NodeJS.WritableStream
  stderr: NodeJS.WritableStream
}

const joined = (before: string, next: string): string => {
  if (before === '') return next
  return `${before}${before.endsWith('\n') ? '' : '\n'}${next.startsWith('---') ? '' : '---\n'}${next}`
}
