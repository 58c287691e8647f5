/** Finds annotations that do not fit their Pod: all mistakes at once, each with its remedy. */
import type { V1Container, V1PodSpec, V1Volume } from '@kubernetes/client-node'
import { UserError } from '../errors.ts'
import { annotations, PREFIX } from './annotations.ts'
import type { Policy, Values } from './policy.ts'
import { enumerate, UNKNOWN_NAMES } from './values/bounds.ts'

/** A key without its prefix, and a name that it or its value holds. */
type NameUse = readonly [key: string, name: string]

/** Problems of keys that name a container or volume which the Pod does not have, or that are about one program although the Pod has several. */
export function unknownNames(
  spec: V1PodSpec,
  policy: Policy,
  targets: V1Container[],
  watched: ReadonlyMap<string, V1Volume>,
): UserError[] {
  const { shared, byContainer } = policy
  const several = targets.length > 1 ? targets.map(({ name }) => name) : []
  const suffixes = [...byContainer].flatMap(([name, settings]) =>
    Object.keys(settings).map((key): NameUse => [`${key}.${name}`, name]),
  )
  return [
    ...missing('container', usesOf('container', shared.container), spec.containers),
    ...missing('volume', usesOf('volumes', shared.volumes), spec.volumes),
    ...missing('container', suffixes, spec.containers),
    ...unwatched(policy, targets, watched),
    ...Object.keys(shared)
      .filter((key) => several.length > 0 && 'oneProgram' in annotations[key as keyof typeof annotations])
      .map(
        (key) =>
          new UserError(
            'HR_SAY_WHICH',
            `${PREFIX}${key}: the Pod has several containers it could mean (${enumerate(several)})`,
            `say which, e.g. ${PREFIX}${key}.${several[0]}, or set ${PREFIX}container`,
          ),
      ),
  ]
}

/** Volumes that `volume-reload` names in vain: hotreload does not watch them, or the container does not mount them. */
function unwatched(
  { shared, byContainer }: Policy,
  targets: readonly V1Container[],
  watched: ReadonlyMap<string, V1Volume>,
): UserError[] {
  const key = 'volume-reload'
  const mountedBy = (containers: readonly V1Container[]) =>
    containers.flatMap(({ volumeMounts = [] }) => volumeMounts.filter(({ name }) => watched.has(name)))
  const named = (own: Values, full: string, containers: readonly V1Container[]) =>
    own[key] ? missing('watched volume', usesOf(full, [...own[key].keys()]), mountedBy(containers)) : []
  return [
    ...named(shared, key, targets),
    ...targets.flatMap((one) => named(byContainer.get(one.name) ?? {}, `${key}.${one.name}`, [one])),
  ]
}

const usesOf = (key: string, names: readonly string[] = []): NameUse[] =>
  names.map((name): NameUse => [key, name])

function missing(
  kind: 'container' | 'volume' | 'watched volume',
  uses: readonly NameUse[],
  objects: readonly { name: string }[] = [],
): UserError[] {
  if (uses.length === 0) return []
  const known = new Set(objects.map(({ name }) => name))
  const unknown = uses.filter(([, name]) => !known.has(name))
  const remedy = known.size > 0 ? `it has ${enumerate([...known])}` : `it has no ${kind}s`
  const problem = (key: string, what: string) =>
    new UserError('HR_UNKNOWN_NAME', `${PREFIX}${key}: the Pod has no ${kind} ${what}`, remedy)
  const [next, ...others] = unknown.slice(UNKNOWN_NAMES)
  return [
    ...unknown.slice(0, UNKNOWN_NAMES).map(([key, name]) => problem(key, name)),
    ...(next ? [problem(next[0], `${next[1]}, and ${others.length} more names fit none`)] : []),
  ]
}
