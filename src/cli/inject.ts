/** `hotreload inject`: writes into manifests what the webhook would do to their Pods. Offline, with the same core. */
import { templatelessWarnings } from '../admission/workload-warnings.ts'
import { injectPod } from '../inject/pod.ts'
import { skipReasons, unsuitable } from '../policy/decide.ts'
import type { Defaults } from '../policy/defaults.ts'
import { INJECT, mirror, withAnnotations } from '../policy/mirror.ts'
import { type Reading, readWorkload, warningsOf } from '../policy/read-workload.ts'
import { withoutNulls } from '../workload/json-object.ts'
import { workloadKindOf } from '../workload/kinds.ts'
import { type ApiObject, type PodTemplate, podTemplate, withPodTemplate } from '../workload/pod-template.ts'
import { isInjected, references } from '../workload/references.ts'
import { mistypedAnnotations, textAnnotations } from './shared/annotation-text.ts'
import { malformed, mapObjects } from './shared/manifest.ts'
import { readManifests } from './shared/read-manifests.ts'
import { printable } from './shared/table.ts'

export interface InjectOptions {
  agentImage: string
  version: string
  defaults: Defaults
  /** Treat every workload as opted in. */
  injectAll: boolean
}

export interface Injected {
  manifests: string
  /** For stderr: warnings, and why an object was not injected. Each begins with the object. */
  notes: string[]
  /** Mistakes. If there is one, do not use the manifests. */
  problems: string[]
  /** How many workloads and Pods neither request nor refuse injection. */
  silent: number
}

/** Injects a stream of manifests. Pure; `file` is for messages. */
export function injectManifests(stream: string, file: string, options: InjectOptions): Injected {
  const notes: string[] = []
  const problems: string[] = []
  let silent = 0
  const refuse = ({ message }: Error) => problems.push(message)
  const each = (object: ApiObject): ApiObject => {
    const result = injectIfWellFormed(object, options)
    const name =
      `${file}: ${object.kind ?? 'object'} ${object.metadata?.name ?? object.metadata?.generateName ?? ''}`.trim()
    notes.push(...result.notes.map((note) => `${name}: ${note}`))
    problems.push(...result.problems.map((problem) => `${name}: ${problem}`))
    if (result.object === object && saysNothing(object)) silent += 1
    return result.object
  }
  const manifests = mapObjects(stream, file, each, refuse)
  return { manifests, notes, problems, silent }
}

function saysNothing(object: ApiObject): boolean {
  const template = podTemplate(object)
  const places = [object.metadata, template?.metadata]
  return template !== undefined && places.every((place) => place?.annotations?.[INJECT] === undefined)
}

interface InjectedObject {
  object: ApiObject
  notes: string[]
  problems: string[]
}

function injectIfWellFormed(object: ApiObject, options: InjectOptions): InjectedObject {
  try {
    return injectObject(object, options)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    return { object, notes: [], problems: [malformed(object).message] }
  }
}

/** Injects one object; `object` is the same one if it does not change. */
export function injectObject(object: ApiObject, options: InjectOptions): InjectedObject {
  const unchanged: InjectedObject = { object, notes: [], problems: [] }
  const refused = (problems: readonly Error[]) => ({
    ...unchanged,
    problems: problems.map(({ message }) => message),
  })
  const template = podTemplate(withoutNulls(object))
  if (!template) return { ...unchanged, notes: workloadKindOf(object) ? templatelessWarnings(object) : [] }
  const places = object.kind === 'Pod' ? [object.metadata] : [object.metadata, template.metadata]
  const mistyped = places.flatMap((place) => mistypedAnnotations(place?.annotations))
  if (mistyped.length > 0) return refused(mistyped)

  const { workload, metadata, mirrored } = mirrorIn(object, template, options.injectAll)
  if (mirrored.conflicts.length > 0) return refused(mirrored.conflicts)
  if (isInjected(template)) return unchanged
  const reading = readWorkload(workload, options.defaults, mirrored, true)
  // A value that is neither true nor false is not mirrored, and is a mistake of its own.
  const isRequested = (metadata[INJECT] ?? mirrored.annotations[INJECT] ?? 'false').trim() !== 'false'
  if (reading.problems.length > 0 && isRequested) return refused(reading.problems)
  if (reading.skip === 'notRequested') return unchanged
  const notes = unsuitable(template) ? reading.unknown : warningsOf(reading)
  if (reading.skip) return { ...unchanged, notes: [...notes, `not injected: ${whySkipped(reading)}`] }
  const injected = injectPod(reading.template, reading.plan, options)
  return { object: withPodTemplate(object, injected), notes, problems: [] }
}

const whySkipped = ({ skip = 'nothingToWatch', plan: { spec } }: Reading): string =>
  skip === 'nothingToWatch' && references(spec).length === 0
    ? 'it uses no ConfigMap and no Secret'
    : skipReasons[skip]

/** The object as the workload webhook would store it; `injectAll` does not overrule a template that refuses. */
function mirrorIn(object: ApiObject, template: PodTemplate, injectAll: boolean) {
  const own = textAnnotations(object.metadata?.annotations)
  const inner = textAnnotations(template.metadata?.annotations)
  const isForced = injectAll && inner[INJECT]?.trim() !== 'false'
  const metadata = isForced ? { [INJECT]: 'true', ...own } : own
  const annotations = object.kind === 'Pod' ? metadata : inner
  const workload = withPodTemplate(
    { ...object, metadata: { ...object.metadata, annotations: metadata } },
    withAnnotations(template, annotations),
  )
  return { workload, metadata, mirrored: mirror(metadata, annotations) }
}

/**
 * Reads each of `files` (`-`: standard input; a directory: its manifests by name), and writes the result to stdout, the notes to stderr.
 * @returns the exit code: 1 with mistakes
 */
export async function inject(
  files: readonly string[],
  options: InjectOptions,
  io: InjectIo,
): Promise<number> {
  const sources = (await Promise.all(files.map((file) => readManifests(file, io.stdin)))).flat()
  const results = sources.map(({ file, stream }) => injectManifests(stream, file, options))
  for (const note of results.flatMap(({ notes }) => notes)) io.stderr.write(`${printable(note)}\n`)
  const problems = results.flatMap((result) => result.problems)
  for (const problem of problems) io.stderr.write(`${printable(problem)}\n`)
  if (problems.length > 0) return 1
  const unchanged = results.every(({ manifests }, index) => manifests === sources[index]?.stream)
  if (unchanged && !options.injectAll && results.some(({ silent }) => silent > 0))
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
