/** Stakater Reloader's annotations on a workload, its template and its sources. Facts: its source, v1.4. Pure, but for loading RE2JS. */
import { type ApiObject, podTemplate } from '../../workload/pod-template.ts'
import type { SourceKind } from '../../workload/sources-in-use.ts'
import type { CompatTool } from '../request/compat-tool.ts'
import { boundedList, goBool, mistakenWord, quoted } from '../request/go-words.ts'
import { type CompatOptions, selects } from '../request/options.ts'
import {
  emptyRequest,
  type NamePattern,
  type ReloadRequest,
  type SourceMarks,
} from '../request/reload-request.ts'
import { wholeReferences } from '../request/whole-references.ts'
import { type Annotations, excludeKeys, kindKey, reloaderKeys } from './annotations.ts'
import { nameRegex } from './name-regex.ts'
import { pausePeriod, pauseProblems, readResume } from './pause.ts'
import { withOwnKeys, withRenamedKey } from './renamed-keys.ts'
import { writeBack, writtenFields } from './write-back.ts'

export const reloader = {
  id: 'reloader',
  name: 'Stakater Reloader',
  images: ['reloader'],
  read,
  readMarks,
  writeBack,
  writtenFields,
} as const satisfies CompatTool

const sourceKinds = ['ConfigMap', 'Secret', 'SecretProviderClass'] as const satisfies SourceKind[]

function read(workload: ApiObject, options: CompatOptions): ReloadRequest | undefined {
  const template = podTemplate(workload)
  const metadata = withOwnKeys(workload.metadata?.annotations, options)
  const ofTemplate = withOwnKeys(template?.metadata?.annotations, options)
  const kinds = sourceKinds.filter(
    (kind) => !options.ignoredKinds.has(kind) && (kind !== 'SecretProviderClass' || options.csi),
  )
  const auto = new Set<SourceKind>()
  const lists = new Map<SourceKind, NamePattern[]>()
  const problems: string[] = []
  let search = false
  for (const kind of kinds) {
    const from = annotationsFor(kind, metadata, ofTemplate)
    problems.push(...mistakenWords(kind, from))
    if (wantsAuto(kind, from, options)) auto.add(kind)
    const patterns = namePatterns(kindKey(kind, 'reload'), from, problems)
    if (patterns.length > 0) lists.set(kind, patterns)
    search ||= from[reloaderKeys.search] === 'true'
  }
  if (auto.size === 0 && lists.size === 0 && !search && problems.length === 0) return undefined
  const period = pausePeriod(workload.kind, metadata, ofTemplate)
  problems.push(...pauseProblems(workload.kind, metadata, ofTemplate))
  return {
    ...emptyRequest,
    tool: 'reloader',
    auto,
    search,
    lists,
    excluded: new Set(
      kinds.flatMap((kind) => {
        const key = excludeKeys[kind]
        return boundedList(key, metadata[key] ?? ofTemplate[key], problems).map((name) => `${kind}/${name}`)
      }),
    ),
    references: wholeReferences(template?.spec, workload.metadata?.namespace ?? '').filter(({ kind }) =>
      kinds.includes(kind),
    ),
    pausePeriod: period,
    resume: readResume(workload, period),
    // An annotation that holds for all kinds was read once for each.
    problems: [...new Set(problems)].map((sentence) => withRenamedKey(sentence, options)),
  }
}

/** The metadata's, or else the template's: all or nothing, per kind. */
function annotationsFor(kind: SourceKind, metadata: Annotations, template: Annotations): Annotations {
  const keys = [kindKey(kind, 'reload'), kindKey(kind, 'auto'), reloaderKeys.auto, reloaderKeys.search]
  return keys.some((key) => metadata[key] !== undefined) ? metadata : template
}

function wantsAuto(kind: SourceKind, from: Annotations, { autoReloadAll }: CompatOptions): boolean {
  const [all = '', typed = ''] = [from[reloaderKeys.auto], from[kindKey(kind, 'auto')]]
  return goBool(all) === true || goBool(typed) === true || (all === '' && typed === '' && autoReloadAll)
}

function mistakenWords(kind: SourceKind, from: Annotations): string[] {
  const isGoBool = (word: string) => goBool(word) !== undefined
  const understood = {
    [reloaderKeys.auto]: isGoBool,
    [kindKey(kind, 'auto')]: isGoBool,
    [reloaderKeys.search]: (word: string) => ['true', 'false'].includes(word),
  }
  return Object.entries(understood).flatMap(([key, isWord]) => {
    const word = from[key]
    return word && !isWord(word) ? [mistakenWord(key, word)] : []
  })
}

/** Instructions of all regular expressions of a list; `conf-.*` has about ten. Bounds what one annotation costs. */
const MOST_INSTRUCTIONS = 1_000

/** Each item is a regular expression for the whole name, and mostly just a name. */
function namePatterns(key: string, from: Annotations, problems: string[]): NamePattern[] {
  const patterns: NamePattern[] = []
  let instructions = 0
  for (const item of boundedList(key, from[key], problems)) {
    if (/^[-a-z0-9]+$/.test(item)) {
      patterns.push({ text: item, matches: undefined })
      continue
    }
    const regex = nameRegex(item)
    // A mistake has to be compiled as well.
    instructions += typeof regex === 'string' ? Math.min(item.length, 50) : regex.size
    if (instructions > MOST_INSTRUCTIONS) {
      problems.push(
        `${key}: too many or too large regular expressions; ${quoted(item)} and all after it are left out`,
      )
      break
    }
    if (typeof regex === 'string')
      problems.push(
        `${key}: ${quoted(item)} can't be used as a regular expression (${regex}), and is left out`,
      )
    else patterns.push({ text: item, matches: regex.matches, size: regex.size })
  }
  return patterns
}

/** Of a ConfigMap, Secret or SecretProviderClass. */
function readMarks({ metadata }: ApiObject, options: CompatOptions): SourceMarks {
  const annotations = withOwnKeys(metadata?.annotations, options)
  return {
    ignored:
      annotations[reloaderKeys.ignore] === 'true' || !selects(options.resourceSelector, metadata?.labels),
    match: annotations[reloaderKeys.match] === 'true',
  }
}
