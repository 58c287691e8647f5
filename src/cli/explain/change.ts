/** Says in words what a change of one ConfigMap or Secret does to one container that uses it, and why. The plan decides. Pure. */
import type { V1PodSpec } from '@kubernetes/client-node'
import { PREFIX } from '../../policy/annotations.ts'
import { isVariable, type Judged } from '../../policy/classify-references.ts'
import { planEnv } from '../../policy/env.ts'
import { ownerOfGate } from '../../policy/gate.ts'
import { obstacleToSharing } from '../../policy/methods/process-namespace.ts'
import { methodOf, reloadMethods } from '../../policy/methods/reload-methods.ts'
import { whyNotRestarted } from '../../policy/methods/restart.ts'
import { isInPlace, type MountWay } from '../../policy/mounts/mount-ways.ts'
import { type ContainerPlan, type PodPlan, replacedReloaders } from '../../policy/plan.ts'
import { describeTrial } from '../../policy/trial/trial.ts'
import { enumerate } from '../../policy/values/bounds.ts'
import { sourceId } from '../../workload/checksum.ts'
import { replacesItsPods, runsToCompletion, type TypeMeta } from '../../workload/kinds.ts'
import type { Reference } from '../../workload/references.ts'

export type Outcome = 'reloaded' | 'restarted' | 'rolled out' | 'next run' | 'left alone' | 'nothing'

export interface Change {
  /** e.g. ConfigMap/web */
  source: string
  container: string
  /** e.g. `volume /etc/nginx/conf.d` */
  use: string
  /** The keys in use; absent: all. */
  keys?: readonly string[]
  outcome: Outcome
  /** How the outcome is reached, or why no better one is. */
  how: string
}

/** Facts about the whole workload that its plan does not hold. */
export interface Circumstances {
  /** The workload; its kind decides what replaces its Pods. */
  workload: TypeMeta
  /** Why no Pod is injected though the annotations have no mistakes, as the end of a sentence. */
  notInjected?: string
  /** Ids of sources that can't change in running Pods. */
  immutable: ReadonlySet<string>
  /** Ids of Secrets that hotreload may not read. */
  forbidden: ReadonlySet<string>
  env: 'rollout' | 'restart' | 'ignore'
  /** Why hotreload does nothing for this workload; absent: it does. */
  notCovered?: string
  /** Why no agent acts in the Pods that run now; absent: one does, or that is not known. */
  noAgentYet?: string
}

export function explainChange(judged: Judged, plan: PodPlan, now: Circumstances): Change {
  const { reference } = judged
  const { container, init, keys } = reference
  const own = plan.containers.find((one) => !init && one.container.name === container)
  return {
    source: sourceId(reference),
    container,
    use: useOf(reference),
    ...(keys ? { keys } : {}),
    ...reached(outcomeOf(judged, own, plan, now), own, now),
  }
}

/** Whether it is what happens without hotreload. */
export const isAsEver = (outcome: Outcome): boolean =>
  outcome === 'next run' || outcome === 'nothing' || outcome === 'left alone'

/** What is left of an effect where hotreload does nothing, or the Pods that run now have no agent. A new run needs neither. */
function reached(effect: Effect, own: ContainerPlan | undefined, now: Circumstances): Effect {
  const { outcome } = effect
  if (isAsEver(outcome)) return effect
  if (now.notCovered !== undefined) return { outcome: 'nothing', how: now.notCovered }
  const needsAgent = outcome !== 'rolled out' && own?.agent === true
  return needsAgent && now.noAgentYet !== undefined ? { outcome: 'nothing', how: now.noAgentYet } : effect
}

/** The kubelet keeps an immutable object in memory while a Pod of its node uses it. */
const IMMUTABLE =
  'it is immutable; give a new one a new name, or a node with an old Pod gives new ones the old content'

type Effect = Pick<Change, 'outcome' | 'how'>

function outcomeOf(
  judged: Judged,
  own: ContainerPlan | undefined,
  plan: PodPlan,
  now: Circumstances,
): Effect {
  const { reference, dueTo } = judged
  if (dueTo && !(judged.is === 'inPlace' && now.forbidden.has(sourceId(reference))))
    return newPods(reference, because(dueTo, reference), now)
  if (judged.is === 'leftOut') {
    // The kubelet updates the files of a directory, and a program that watches them has the change.
    const goesOn = !reference.init || isNativeSidecar(reference, plan.spec)
    const isUpdated = judged.isOutside && reference.as === 'volume' && goesOn
    return { outcome: isUpdated ? 'left alone' : 'nothing', how: judged.why }
  }
  if (now.immutable.has(sourceId(reference))) return newPods(reference, IMMUTABLE, now)
  if (judged.is === 'rollout' || !own) return newPods(reference, whyNew(reference, own, plan, now), now)
  const way = own.ways.get(reference.mountPath ?? '')
  if (isVariable(reference))
    return {
      outcome: 'restarted',
      how: `${restarts(own)}; the same Pod (hotreload.dev/env)${spread(own.stagger || own.restartStagger)}`,
    }
  const mode = own.subPaths.find(({ mount }) => mount.mountPath === reference.mountPath)?.mode
  const isGated = own.gate?.volumes.has(reference.volume ?? '') === true && mode !== 'keep'
  const judge = isGated ? ownerOfGate(reference.volume ?? '', plan.containers) : undefined
  const where = judge && judge !== own ? ` in container ${judge.container.name}` : ''
  const first = [
    ...(reference.as === 'subPath' && mode ? [`${mode} keeps its subPath current`] : []),
    ...(judge ? [`${judge.validate?.join(' ')} must pass${where}`, 'the gate shows it to the program'] : []),
    ...(own.validate && judge !== own && way?.way === 'reload'
      ? [`${own.validate.join(' ')} must pass`]
      : []),
  ]
  const superfluous = replacedReloaders(own, plan)
  const last =
    superfluous.length > 0 ? `; it is superfluous, because hotreload reloads ${enumerate(superfluous)}` : ''
  const trial = judge?.gate?.trial ? `; ${describeTrial(judge.gate.trial)}${where}` : ''
  const how = [...first, `${inWords(way)} (${way?.chosenBy})`].join(', then ') + trial + last
  return way?.way === 'reload'
    ? { outcome: methodOf(own.reload).endsProcess ? 'restarted' : 'reloaded', how: how + spread(own.stagger) }
    : { outcome: 'reloaded', how }
}

function useOf({ as, mountPath, init, keys }: Reference): string {
  const what = as === 'env' ? `env ${keys?.join(', ') ?? ''}` : `${as} ${mountPath ?? ''}`
  return `${init ? 'init: ' : ''}${what.trim()}`
}

function newPods(reference: Reference, why: string, { workload, forbidden }: Circumstances): Effect {
  if (runsToCompletion(workload))
    return { outcome: 'next run', how: `${why}; a run reads what is there when it starts` }
  if (!replacesItsPods(workload))
    return {
      outcome: 'nothing',
      how: `${why}; nobody replaces ${workload.kind === 'Pod' ? 'a bare Pod' : `the Pods of a ${workload.kind}`}`,
    }
  if (forbidden.has(sourceId(reference))) return { outcome: 'nothing', how: 'hotreload may not read it' }
  return { outcome: 'rolled out', how: why }
}

/** Why a reference needs new Pods. */
function whyNew(
  reference: Reference,
  own: ContainerPlan | undefined,
  { spec }: PodPlan,
  now: Circumstances,
): string {
  if (now.notInjected && !isVariable(reference)) return now.notInjected
  if (reference.init)
    return isNativeSidecar(reference, spec)
      ? 'native sidecars are not served'
      : 'init containers run when a Pod starts'
  const withoutName = (text: string) => text.replace(`container ${reference.container}: `, '')
  if (isVariable(reference)) {
    if (now.env === 'restart') {
      const [obstacle] = own ? planEnv(own.container, spec, own.reload).notes : []
      return obstacle ? withoutName(obstacle.text) : 'its container can not be restarted in place'
    }
    const container = spec.containers.find(({ name }) => name === reference.container)
    const canRestart =
      !now.notInjected &&
      container &&
      !whyNotRestarted(container, spec) &&
      !obstacleToSharing(container, spec)
    return `variables are fixed when a process starts${canRestart ? `; ${PREFIX}env: restart restarts the container in place` : ''}`
  }
  const way = own?.ways.get(reference.mountPath ?? '')
  const kept = own?.subPaths.find(({ mount }) => mount.mountPath === reference.mountPath)
  if (isInPlace(way) && kept?.mode === 'keep') return `its subPath is not updated: ${kept.reason}`
  const reason = way?.because ?? own?.notes.find(({ warn }) => warn)?.text
  return reason === undefined ? 'nothing says otherwise' : withoutName(reason)
}

/** Why a reference that reloads in place, or that hotreload leaves alone, comes with new Pods. */
function because({ container, init, mountPath, ...cause }: Reference, reference: Reference): string {
  const isOwn = !init && container === reference.container
  const what = isVariable({ container, init, ...cause }) ? 'the variables' : `mount ${mountPath}`
  const whose = `${init ? 'init container' : 'container'} ${container}`
  return isOwn
    ? `because of ${what} of the same container, which takes it from new Pods only`
    : `because of ${whose}, which needs new Pods for it`
}

const isNativeSidecar = ({ container }: Reference, { initContainers = [] }: V1PodSpec): boolean =>
  initContainers.some(({ name, restartPolicy }) => name === container && restartPolicy === 'Always')

function inWords(mount: MountWay | undefined): string {
  const watches = reloadMethods.none.describe({ method: 'none' })
  if (!mount || mount.way === 'reload' || mount.because === watches) return mount?.because ?? ''
  return mount.chosenBy.startsWith(PREFIX) ? watches : `${watches}: ${mount.because}`
}

/** For its variables a container restarts in the same way as with `reload: restart`. */
const restarts = ({ reload }: ContainerPlan): string =>
  reloadMethods.restart.describe(reload.method === 'restart' ? reload : { method: 'restart' })

const spread = (seconds: number): string =>
  seconds > 0 ? `; the Pods take turns over ${seconds} s (hotreload.dev/stagger changes that)` : ''
