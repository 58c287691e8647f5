/** The request that a tool's annotations make for a workload. `candidates` lists the sources that it means at the moment. Pure. */
import { MOST_SOURCES, type SourceKind, type Use } from '../../workload/sources-in-use.ts'

export interface NamePattern {
  /** The item of the annotation. */
  text: string
  /** Undefined: the text is a name, so that no list of all names is needed. */
  matches: ((name: string) => boolean) | undefined
  /** Instructions of its program: what it costs for each character of a name. */
  size?: number
}

export interface ReloadRequest {
  /** A tool's id (compat/tools.ts). */
  tool: string
  /** Kinds whose referenced objects all count. */
  auto: ReadonlySet<SourceKind>
  /** Referenced objects count if their own annotations say so (`match`). */
  search: boolean
  /** Objects that count whether referenced or not. */
  lists: ReadonlyMap<SourceKind, readonly NamePattern[]>
  /** `Kind/name` of objects that never count. */
  excluded: ReadonlySet<string>
  /** Every ConfigMap, Secret and SecretProviderClass in the pod template, each once, with all of its keys. */
  references: readonly Use[]
  /** Objects named in full, perhaps of another namespace. */
  extra: readonly Use[]
  /** Milliseconds between a change and its rollout; undefined: as few as possible. */
  pausePeriod: number | undefined
  /** The tool itself paused the workload (`spec.paused`), and may be gone by the time it should resume it. */
  resume: Resume | undefined
  /** Sentences on mistakes in the annotations. */
  problems: readonly string[]
}

export interface Resume {
  /** Milliseconds since 1970. */
  at: number
  /** The tool's annotation that is removed then. */
  annotation: string
}

export const emptyRequest: Omit<ReloadRequest, 'tool'> = {
  auto: new Set(),
  search: false,
  lists: new Map(),
  excluded: new Set(),
  references: [],
  extra: [],
  pausePeriod: undefined,
  resume: undefined,
  problems: [],
}

/** False if the annotations hold mistakes only. */
export const hasRequest = ({ auto, search, lists, extra }: ReloadRequest): boolean =>
  auto.size > 0 || search || lists.size > 0 || extra.length > 0

/** A source's own annotations and labels, as far as they count for other tools' requests. */
export interface SourceMarks {
  /** `reloader.stakater.com/ignore`, or left out by `--resource-label-selector`. */
  ignored: boolean
  /** `reloader.stakater.com/match` */
  match: boolean
}

export interface NamesOf {
  /** Names of all objects of a kind in a namespace, as far as they may be listed. */
  (kind: SourceKind, namespace: string): Iterable<string>
}

/** A source that must be read before it is known whether it counts. `explicit` sources roll out even where they could reload in place. */
export interface Candidate {
  use: Use
  explicit: boolean
  /** It counts only if it is marked `match`. */
  needsMatch: boolean
}

/**
 * Instructions times characters that the patterns of a workload may take for all names of a kind: 0.2 s for the
 * slowest patterns, 20 ms for usual ones. Ten usual patterns and 5,000 names of 40 characters are within it.
 */
const MOST_MATCHING = 20_000_000

/** @param note receives a sentence on what is over a bound, and left out */
export function candidates(
  { auto, search, lists, excluded, references, extra }: ReloadRequest,
  namespace: string,
  names: NamesOf,
  note: (sentence: string) => void = () => {},
): Candidate[] {
  const found = new Map<string, Candidate>()
  let isOverBound = false
  const add = (use: Use, explicit: boolean, needsMatch = false) => {
    const id = `${use.kind}/${use.namespace}/${use.name}`
    if (excluded.has(`${use.kind}/${use.name}`) && use.namespace === namespace) return
    const earlier = found.get(id)
    if (!earlier) {
      if (found.size < MOST_SOURCES) found.set(id, { use, explicit, needsMatch })
      else isOverBound = true
    } else if (explicit || (earlier.needsMatch && !needsMatch))
      found.set(id, { use: earlier.use, explicit: explicit || earlier.explicit, needsMatch: false })
  }
  for (const [kind, patterns] of lists) {
    const whole = (name: string): Use => ({ kind, namespace, name, optional: true })
    for (const { text, matches } of patterns) if (!matches) add(whole(text), true)
    const open = patterns.filter(({ matches }) => matches !== undefined)
    if (open.length === 0) continue
    const all = [...names(kind, namespace)]
    const characters = all.reduce((sum, name) => sum + name.length, 0)
    let matching = 0
    const within = open.filter(({ size = 1 }) => (matching += size * characters) <= MOST_MATCHING)
    if (within.length < open.length)
      note(
        `${open.length - within.length} regular expressions of the list for ${kind}s are left out: together they are too large for ${all.length} names`,
      )
    for (const name of all) if (within.some(({ matches }) => matches?.(name) === true)) add(whole(name), true)
  }
  for (const use of extra) add(use, true)
  for (const use of references) {
    if (auto.has(use.kind)) add(use, false)
    else if (search) add(use, false, true)
  }
  if (isOverBound)
    note(`annotations name, or match, more than ${MOST_SOURCES} ConfigMaps and Secrets; the rest is left out`)
  return [...found.values()]
}

/** Whether a pattern selects this name. */
export const matchesName = ({ lists }: ReloadRequest, kind: SourceKind, name: string): boolean =>
  (lists.get(kind) ?? []).some(({ matches }) => matches?.(name) === true)

/** Whether an object that is created or deleted may change which sources a request means; of this kind where one is given. */
export const dependsOnNames = ({ lists }: ReloadRequest, kind?: SourceKind): boolean =>
  [...lists].some(
    ([of, patterns]) =>
      (kind === undefined || of === kind) && patterns.some(({ matches }) => matches !== undefined),
  )
