/** Stakater Reloader's annotations on a workload, its template and its sources: text in, a wish out. Facts: its source, v1.4. Pure. */
import type { V1PodSpec } from '@kubernetes/client-node'
import { FIELD_MANAGER } from '../../api/field-manager.ts'
import { type ApiObject, podTemplate } from '../../workload/pod-template.ts'
import { references } from '../../workload/references.ts'
import type { SourceKind, Use } from '../../workload/sources-in-use.ts'
import { commaList, goBool, goDuration } from '../go-words.ts'
import { type CompatOptions, selects } from '../options.ts'
import type { NamePattern, ReloadRequest, SourceMarks } from '../reload-request.ts'
import { wholeNameRegex } from './name-regex.ts'

const RELOADER = 'reloader.stakater.com'
export const reloaderKeys = {
  auto: `${RELOADER}/auto`,
  search: `${RELOADER}/search`,
  match: `${RELOADER}/match`,
  ignore: `${RELOADER}/ignore`,
  rolloutStrategy: `${RELOADER}/rollout-strategy`,
  lastReloadedFrom: `${RELOADER}/last-reloaded-from`,
  pausePeriod: `deployment.${RELOADER}/pause-period`,
  pausedAt: `deployment.${RELOADER}/paused-at`,
} as const

const sourceKinds = ['ConfigMap', 'Secret', 'SecretProviderClass'] as const satisfies SourceKind[]

const excludeKeys: Record<SourceKind, string> = {
  ConfigMap: `configmaps.exclude.${RELOADER}/reload`,
  Secret: `secrets.exclude.${RELOADER}/reload`,
  SecretProviderClass: `secretproviderclasses.exclude.${RELOADER}/reload`,
}

type Annotations = Readonly<Record<string, string>>

/** Undefined where nothing asks for it. One that asks by mistakes only is a wish all the same, so that somebody is told of them. */
export function reloaderRequest(workload: ApiObject, options: CompatOptions): ReloadRequest | undefined {
  const template = podTemplate(workload)
  const metadata = workload.metadata?.annotations ?? {}
  const ofTemplate = template?.metadata?.annotations ?? {}
  const kinds = sourceKinds.filter(
    (kind) => !options.ignoredKinds.has(kind) && (kind !== 'SecretProviderClass' || options.csi),
  )
  const auto = new Set<SourceKind>()
  const lists = new Map<SourceKind, NamePattern[]>()
  const problems: string[] = []
  let search = false
  for (const kind of kinds) {
    const from = source(kind, metadata, ofTemplate)
    problems.push(...mistakenWords(kind, from))
    if (wantsAuto(kind, from, options)) auto.add(kind)
    const patterns = namePatterns(`${prefix(kind)}/reload`, from, problems)
    if (patterns.length > 0) lists.set(kind, patterns)
    search ||= from[reloaderKeys.search] === 'true'
  }
  if (auto.size === 0 && lists.size === 0 && !search && problems.length === 0) return undefined
  return {
    tool: 'reloader',
    auto,
    search,
    lists,
    excluded: new Set(
      kinds.flatMap((kind) => {
        const key = excludeKeys[kind]
        return commaList(metadata[key] ?? ofTemplate[key]).map((name) => `${kind}/${name}`)
      }),
    ),
    references: wholeReferences(template?.spec, workload.metadata?.namespace ?? '').filter(({ kind }) =>
      kinds.includes(kind),
    ),
    extra: [],
    pausePeriod: pausePeriod(workload, metadata, problems),
    pausedAt: timeOf(metadata[reloaderKeys.pausedAt]),
    pausedByUs: ownsPausedAt(workload),
    restart: workload.kind === 'Rollout' && metadata[reloaderKeys.rolloutStrategy] === 'restart',
    // What holds for all kinds is read once for each.
    problems: [...new Set(problems)],
  }
}

/** `configmap.reloader.stakater.com` */
const prefix = (kind: SourceKind): string => `${kind.toLowerCase()}.${RELOADER}`

/** The metadata's, or else the template's: all or nothing, per type. */
function source(kind: SourceKind, metadata: Annotations, template: Annotations): Annotations {
  const asked = [`${prefix(kind)}/reload`, `${prefix(kind)}/auto`, reloaderKeys.auto, reloaderKeys.search]
  return asked.some((key) => metadata[key] !== undefined) ? metadata : template
}

function wantsAuto(kind: SourceKind, from: Annotations, { autoReloadAll }: CompatOptions): boolean {
  const [all = '', typed = ''] = [from[reloaderKeys.auto], from[`${prefix(kind)}/auto`]]
  return goBool(all) === true || goBool(typed) === true || (all === '' && typed === '' && autoReloadAll)
}

/** The tools themselves take such a word for no, and say nothing. */
export const mistakenWord = (key: string, word: string): string =>
  `${key}: "${word}" is neither "true" nor "false", and is left out`

function mistakenWords(kind: SourceKind, from: Annotations): string[] {
  const isGoBool = (word: string) => goBool(word) !== undefined
  const understood = {
    [reloaderKeys.auto]: isGoBool,
    [`${prefix(kind)}/auto`]: isGoBool,
    [reloaderKeys.search]: (word: string) => ['true', 'false'].includes(word),
  }
  return Object.entries(understood).flatMap(([key, isWord]) => {
    const word = from[key]
    return word && !isWord(word) ? [mistakenWord(key, word)] : []
  })
}

/** Each item is a regular expression for the whole name. */
function namePatterns(key: string, from: Annotations, problems: string[]): NamePattern[] {
  return commaList(from[key]).flatMap((item) => {
    const regex = wholeNameRegex(item)
    if (regex) return [{ text: item, regex, literal: /^[-a-z0-9]+$/.test(item) ? item : undefined }]
    problems.push(
      `${key}: "${item}" is not a regular expression of the simple kind, and is left out; docs/migration.md`,
    )
    return []
  })
}

/** Each object once with all of its keys, as Reloader hashes it; a volume counts where a container mounts it. */
export function wholeReferences(spec: V1PodSpec | undefined, namespace: string): Use[] {
  const found = new Map<string, Use>()
  const add = (kind: SourceKind, name: string, optional: boolean) => {
    const earlier = found.get(`${kind}/${name}`)
    found.set(`${kind}/${name}`, { kind, namespace, name, optional: optional && (earlier?.optional ?? true) })
  }
  if (spec) for (const { kind, name, optional } of references(spec)) add(kind, name, optional)
  for (const volume of spec?.volumes ?? []) {
    const name = volume.csi?.volumeAttributes?.['secretProviderClass']
    const containers = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])]
    const mounted = containers.some(({ volumeMounts = [] }) =>
      volumeMounts.some((mount) => mount.name === volume.name),
    )
    if (name !== undefined && mounted) add('SecretProviderClass', name, false)
  }
  return [...found.values()]
}

function pausePeriod(workload: ApiObject, metadata: Annotations, problems: string[]): number | undefined {
  const text = metadata[reloaderKeys.pausePeriod]
  if (workload.kind !== 'Deployment' || text === undefined) return undefined
  const period = goDuration(text)
  if (period === undefined)
    problems.push(`${reloaderKeys.pausePeriod}: "${text}" is not a duration such as 5m, and is left out`)
  return period
}

/** Server-side apply keeps who wrote which field. */
function ownsPausedAt({ metadata }: ApiObject): boolean {
  const ours = metadata?.managedFields?.filter(({ manager }) => manager === FIELD_MANAGER) ?? []
  return ours.some(({ fieldsV1 }) => JSON.stringify(fieldsV1 ?? {}).includes(`"f:${reloaderKeys.pausedAt}"`))
}

function timeOf(text: string | undefined): number | undefined {
  const time = Date.parse(text ?? '')
  return Number.isNaN(time) ? undefined : time
}

/** What a ConfigMap, Secret or SecretProviderClass says of itself. */
export function reloaderMarks({ metadata }: ApiObject, { resourceSelector }: CompatOptions): SourceMarks {
  return {
    ignored:
      metadata?.annotations?.[reloaderKeys.ignore] === 'true' || !selects(resourceSelector, metadata?.labels),
    match: metadata?.annotations?.[reloaderKeys.match] === 'true',
  }
}
