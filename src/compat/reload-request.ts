/** What another tool's annotations ask of us for one workload, whichever tool it is. Which sources that means now is `chosenSources`. Pure. */
import type { SourceKind, Use } from '../workload/sources-in-use.ts'

export interface NamePattern {
  /** As it was written. */
  text: string
  regex: RegExp
  /** Where the pattern is just a name: it may be asked for without a list of all names. */
  literal: string | undefined
}

export interface ReloadRequest {
  tool: 'reloader' | 'wave'
  /** Kinds of which any referenced object counts. */
  auto: ReadonlySet<SourceKind>
  /** Referenced objects count that say so themselves (`match`). */
  search: boolean
  /** Objects that count whether referenced or not. */
  lists: ReadonlyMap<SourceKind, readonly NamePattern[]>
  /** `Kind/name` never to act on. */
  excluded: ReadonlySet<string>
  /** Every ConfigMap, Secret and SecretProviderClass in the pod template, each once, with all of its keys. */
  references: readonly Use[]
  /** Objects named in full, perhaps of another namespace (Wave). */
  extra: readonly Use[]
  /** Milliseconds between two rollouts of a Deployment. */
  pausePeriod: number | undefined
  /** Milliseconds since 1970: when we, or Reloader, last rolled it out. */
  pausedAt: number | undefined
  /** It was us: then a pause of the Deployment is somebody else's, and stays. */
  pausedByUs: boolean
  /** An Argo Rollout is restarted instead of changed. */
  restart: boolean
  /** Sentences on what was not understood. */
  problems: readonly string[]
}

/** Not so where all that it says was not understood. */
export const hasRequest = ({ auto, search, lists, extra }: ReloadRequest): boolean =>
  auto.size > 0 || search || lists.size > 0 || extra.length > 0

/** What a source says of itself to other tools' workloads. */
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

/** Candidates: what must be read before it is known whether it counts. `explicit` sources roll out even where they could reload. */
export interface Candidate {
  use: Use
  explicit: boolean
  /** Only if it is marked `match`. */
  needsMatch: boolean
}

export function candidates(
  { auto, search, lists, excluded, references, extra }: ReloadRequest,
  namespace: string,
  names: NamesOf,
): Candidate[] {
  const found = new Map<string, Candidate>()
  const add = (use: Use, explicit: boolean, needsMatch = false) => {
    const id = `${use.kind}/${use.namespace}/${use.name}`
    if (excluded.has(`${use.kind}/${use.name}`) && use.namespace === namespace) return
    const earlier = found.get(id)
    if (!earlier) found.set(id, { use, explicit, needsMatch })
    else if (explicit || (earlier.needsMatch && !needsMatch))
      found.set(id, { use: earlier.use, explicit: explicit || earlier.explicit, needsMatch: false })
  }
  for (const [kind, patterns] of lists) {
    const whole = (name: string): Use => ({ kind, namespace, name, optional: true })
    for (const { literal } of patterns) if (literal !== undefined) add(whole(literal), true)
    const open = patterns.filter(({ literal }) => literal === undefined)
    if (open.length === 0) continue
    for (const name of names(kind, namespace))
      if (open.some(({ regex }) => regex.test(name))) add(whole(name), true)
  }
  for (const use of extra) add(use, true)
  for (const use of references) {
    if (auto.has(use.kind)) add(use, false)
    else if (search) add(use, false, true)
  }
  return [...found.values()]
}

/** Whether a name that has just come, or gone, may change what `wish` means; of this kind where one is given. */
export const dependsOnNames = ({ lists }: ReloadRequest, kind?: SourceKind): boolean =>
  [...lists].some(
    ([of, patterns]) =>
      (kind === undefined || of === kind) && patterns.some(({ literal }) => literal === undefined),
  )
