/** `hotreload inject`: what the webhook would do to the Pods of these manifests, written into the manifests. Offline, with the same core. */
import { injectionOf } from '../admission/pod-handler.ts'
import { mirror, withAnnotations } from '../checksum/template-annotations.ts'
import { injectPod } from '../inject/pod.ts'
import { inTemplate, isOurs, PREFIX } from '../policy/annotations.ts'
import { skipReasons } from '../policy/decide.ts'
import type { Defaults } from '../policy/defaults.ts'
import { readPolicy } from '../policy/policy.ts'
import { isObject } from '../workload/json-object.ts'
import { type ApiObject, type PodTemplate, podTemplate, withPodTemplate } from '../workload/pod-template.ts'
import { mistypedAnnotations, textAnnotations } from './shared/annotation-text.ts'
import { mapObjects } from './shared/manifest.ts'
import { readManifests } from './shared/read-manifests.ts'

const INJECT = `${PREFIX}inject`

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
  // A template that says no is not overruled.
  const refused = inner[INJECT]?.trim() === 'false'
  const wish = options.injectAll && !refused ? { [INJECT]: 'true' } : {}
  const { annotations, conflicts } =
    object.kind === 'Pod'
      ? { annotations: { ...wish, ...own }, conflicts: [] }
      : mirror({ ...wish, ...own }, inner)
  if (conflicts.length > 0) return { object, notes: [], problems: conflicts.map(({ message }) => message) }
  const asPod: ApiObject = { ...withAnnotations(template, annotations), kind: 'Pod' }
  // The manifest itself is rewritten, so that applying it again changes nothing, a bare Pod's mounts included.
  const injection = injectionOf(asPod, options.defaults, false)
  const aside = object.kind === 'Pod' ? nothing : workloadKeys(own, options.defaults)
  // A wish that is neither true nor false is not mirrored, and is a mistake of its own.
  const asks = (own[INJECT] ?? annotations[INJECT] ?? 'false').trim() !== 'false'
  if (aside.problems.length > 0 && asks)
    return {
      object,
      notes: [],
      problems: [...aside.problems, ...('skip' in injection ? injection.warnings : [])],
    }
  if (!('skip' in injection)) {
    const { kind: _, ...injected } = injectPod(asPod, injection.decision.plan, options) as ApiObject
    return {
      object: withPodTemplate(object, injected),
      notes: [...aside.warnings, ...injection.warnings],
      problems: [],
    }
  }
  const { skip, warnings } = injection
  if (skip === 'invalid') return { object, notes: [], problems: warnings }
  const silent = skip === 'notRequested' || skip === 'alreadyInjected'
  return {
    object,
    notes: silent ? [] : [...aside.warnings, ...warnings, `not injected: ${skipReasons[skip]}`],
    problems: [],
  }
}

/** A field that is null is one that is not there: so the API server reads it, and templating leaves many (`volumeMounts:` with nothing below). */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.filter((one) => one !== null).map(withoutNulls)
  if (!isObject(value)) return value
  const present = Object.entries(value).filter(([, field]) => field !== null)
  return Object.fromEntries(present.map(([name, field]) => [name, withoutNulls(field)]))
}

const nothing = { problems: [] as string[], warnings: [] as string[] }

/** The keys on a workload that are not mirrored, those nobody knows included: as the workload webhook would speak of them. */
function workloadKeys(own: Readonly<Record<string, string>>, defaults: Defaults): typeof nothing {
  const keys = Object.fromEntries(
    Object.entries(own).filter(([key]) => isOurs(key) && (!inTemplate(key) || key === INJECT)),
  )
  const { problems, warnings } = readPolicy(keys, { ...defaults, annotations: {} })
  return { problems: problems.map(({ message }) => message), warnings }
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
