/**
 * Finds what an agent would serve for nothing, because new Pods come for another container whenever it changes. An ordinary Pod has nothing
 * of the kind, and its admission has a few microseconds only.
 */
import type { V1Container } from '@kubernetes/client-node'
import { sourceId } from '../workload/checksum.ts'
import { type Reference, volumeSources } from '../workload/references.ts'
import {
  isSettled,
  isVariable,
  type Judgeable,
  type Judged,
  judgeReferences,
  type RolledOut,
  useKey,
} from './classify-references.ts'
import { UNKNOWN_PROGRAM } from './methods/auto.ts'
import type { Note } from './methods/method-row.ts'
import type { ContainerPlan } from './plan.ts'
import { enumerate, NOTES } from './values/bounds.ts'
import { PREFIX } from './values/prefix.ts'

/** References that the plan serves in place, of the containers that have one for which new Pods come all the same. */
export function contestedReferences(plan: Judgeable): Judged[] {
  if (!plan.isReplaced || !mayBeContested(plan)) return []
  const served = judgeReferences(plan).filter(({ is }) => is === 'inPlace')
  const contested = new Set(served.filter(({ dueTo }) => dueTo).map(({ reference }) => reference.container))
  return served.filter(({ reference }) => contested.has(reference.container))
}

/** The mounts and variables that are served in place for nothing, because every source of theirs rolls out for another container. */
export function servedForNothing(served: readonly Judged[]): RolledOut {
  const result = new Map<string, Map<string, Reference>>()
  for (const [container, all] of Map.groupBy(served, ({ reference }) => reference.container))
    for (const [use, judged] of Map.groupBy(all, ({ reference }) => useKey(reference))) {
      const [{ dueTo } = {}] = judged
      if (!dueTo || !judged.every(isSettled)) continue
      result.set(container, (result.get(container) ?? new Map<string, Reference>()).set(use, dueTo))
    }
  return result
}

/** Whether some source of the agents has another use, for which new Pods may come. It is cheaper than to judge all references. */
function mayBeContested({ spec, containers }: Judgeable): boolean {
  const sources = containers
    .filter(({ agent }) => agent)
    .flatMap(({ volumes, env }) => [...volumes.flatMap(volumeSources), ...env])
  const served = new Set(sources.map(({ name }) => name))
  if (served.size === 0) return false
  const isServed = (source: { name?: string } | undefined) =>
    source?.name !== undefined && served.has(source.name)
  const hasVariable = ({ env = [], envFrom = [] }: V1Container) =>
    envFrom.some((from) => isServed(from.configMapRef ?? from.secretRef)) ||
    env.some(({ valueFrom }) => isServed(valueFrom?.configMapKeyRef ?? valueFrom?.secretKeyRef))
  const inits = spec.initContainers ?? []
  if ([...inits, ...spec.containers].some(hasVariable)) return true
  const mounts = [
    ...inits.flatMap(({ volumeMounts = [] }) => volumeMounts),
    ...containers.flatMap(rollingMounts),
  ]
  const rolling = new Set(mounts.map(({ name }) => name))
  return (spec.volumes ?? []).some(
    (volume) => rolling.has(volume.name) && volumeSources(volume).some(isServed),
  )
}

const rollingMounts = ({ container, ways, subPaths }: ContainerPlan) => [
  ...(container.volumeMounts ?? []).filter(({ mountPath }) => ways.get(mountPath)?.way === 'rollout'),
  ...subPaths.filter(({ mode }) => mode === 'keep').map(({ mount }) => mount),
]

/** Of an unknown container that costs another one its reload. It may be a helper whose files need no new Pods. */
export function helperNotes(contested: readonly Judged[], containers: readonly ContainerPlan[]): Note[] {
  const unknown = new Set(containers.filter(isUnknown).map(({ container }) => container.name))
  const causes = new Map(
    contested.flatMap((one) =>
      one.dueTo && unknown.has(one.dueTo.container) && !isVariable(one.dueTo)
        ? [[one.dueTo.container, one.reference] as const]
        : [],
    ),
  )
  const others = containers.map(({ container }) => container.name).filter((name) => !causes.has(name))
  return [...causes].slice(0, NOTES).map(([name, { container, ...source }]) => ({
    text: `container ${name}: set ${PREFIX}container: ${enumerate(others, ',')} to leave it out, if it needs no new Pods; container ${container} would then reload ${sourceId(source)} in place`,
    warn: true,
  }))
}

const isUnknown = ({ chosenBy }: ContainerPlan): boolean => chosenBy === UNKNOWN_PROGRAM
