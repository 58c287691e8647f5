/**
 * What is mounted where in a container with gated volumes, and who fills it. The kubelet fills the volume itself, which only the agent sees.
 * The agent fills two directories of an emptyDir in its place: `published`, which the program sees, and `candidate`, which validators and
 * reload commands see at the same paths.
 */
import type { V1Container, V1EnvVar, V1Volume, V1VolumeMount } from '@kubernetes/client-node'
import { writtenKey } from '../policy/annotations.ts'
import type { ContainerPlan } from '../policy/plan.ts'
import { pathsBelow } from '../workload/path-search.ts'
import { normalMountPath } from '../workload/references.ts'
import type { Agent } from './agent.ts'
import { emptyDir, literal, paths } from './agent-flags.ts'
import { nameFor } from './names.ts'
import { trialFlags, trialVariables } from './trial.ts'
import type { WatchedVolume } from './watched-volumes.ts'

export interface VolumeGate {
  /** The emptyDir. */
  name: string
  /** Whether this container's agent fills it. Another one's does where two gated containers mount one volume: it is judged once. */
  isOwner: boolean
}

/** The watched volumes of one container with their gates. `owned` holds the volumes of the containers before it, and is added to. */
export const withGates = (
  { gate, container }: ContainerPlan,
  watched: readonly WatchedVolume[],
  owned: Map<string, string>,
): readonly WatchedVolume[] =>
  gate
    ? watched.map((volume) => {
        if (!gate.volumes.has(volume.name)) return volume
        const name = owned.get(volume.mounted.name)
        if (name !== undefined) return { ...volume, gate: { name, isOwner: false } }
        const own = nameFor('hotreload-gate', container.name, volume.name)
        owned.set(volume.mounted.name, own)
        return { ...volume, gate: { name: own, isOwner: true } }
      })
    : watched

/** The volumes whose gate this agent is. */
export const ownGates = ({ watched }: Pick<Agent, 'watched'>): WatchedVolume[] =>
  watched.filter(({ gate }) => gate?.isOwner)

/** The mounts of the app's container. */
export const seenByProgram = (
  mounts: readonly V1VolumeMount[],
  { watched }: Pick<Agent, 'watched'>,
): V1VolumeMount[] => filledBy(mounts, watched, () => 'published')

/** The mounts of a container in which validators and commands run. */
export function seenByCommands(
  mounts: readonly V1VolumeMount[],
  agent: Pick<Agent, 'watched' | 'plan'>,
): V1VolumeMount[] {
  const { watched, plan } = agent
  const own = new Set(ownGates(agent).map(({ name }) => name))
  const copies = new Set(
    plan.subPaths
      .filter(({ mode, mount }) => mode === 'copy' && own.has(mount.name))
      .map(({ mount }) => mount.mountPath),
  )
  return filledBy(mounts, watched, ({ isOwner }) => (isOwner ? 'candidate' : 'published')).map((mount) =>
    copies.has(mount.mountPath) ? { ...mount, subPath: `.candidate/${mount.subPath}` } : mount,
  )
}

function filledBy(
  mounts: readonly V1VolumeMount[],
  watched: readonly WatchedVolume[],
  part: (gate: VolumeGate) => 'published' | 'candidate',
): V1VolumeMount[] {
  const gates = new Map(watched.flatMap(({ mounted, gate }) => (gate ? [[mounted.name, gate] as const] : [])))
  return mounts.map((mount) => {
    const gate = mount.subPath || mount.subPathExpr ? undefined : gates.get(mount.name)
    return gate ? { ...mount, name: gate.name, subPath: part(gate), readOnly: true } : mount
  })
}

/** The agent's further mounts: what the kubelet fills, what the agent fills, and what the user approves. */
export function gateMounts(agent: Pick<Agent, 'watched'>): V1VolumeMount[] {
  const own = ownGates(agent)
  if (own.length === 0) return []
  return [
    ...own.flatMap(({ name, mounted, gate }) => [
      { name: mounted.name, mountPath: `${paths.live}/${name}`, readOnly: true },
      { name: gate?.name ?? '', mountPath: `${paths.gates}/${name}` },
    ]),
    { name: APPROVE_VOLUME, mountPath: paths.approve, readOnly: true },
  ]
}

/** What the Pod gets. */
export function gateVolumes(agents: readonly Pick<Agent, 'watched'>[]): V1Volume[] {
  const own = agents.flatMap(ownGates)
  if (own.length === 0) return []
  return [...own.map(({ gate }) => emptyDir(gate?.name ?? '')), approveVolume]
}

const APPROVE_VOLUME = 'hotreload-approve'

const annotationFile = (name: 'approve' | 'nudge') => ({
  path: name,
  fieldRef: { fieldPath: `metadata.annotations['${writtenKey(name)}']` },
})

/** Annotations of the Pod. A nudge asks for another verdict. */
const approveVolume: V1Volume = {
  name: APPROVE_VOLUME,
  downwardAPI: { items: [annotationFile('approve'), annotationFile('nudge')] },
}

/** The flags of the agent and of the first publish. `appMounts` are the mounts of the app's container. */
export function gateFlags(
  agent: Pick<Agent, 'watched' | 'plan'>,
  appMounts: readonly V1VolumeMount[],
): string[] {
  const own = ownGates(agent)
  const { gate } = agent.plan
  if (own.length === 0 || !gate) return []
  return [
    `--gate=${gate.mode}`,
    ...own.map(({ name }) => `--gated=${name}`),
    ...own.flatMap((volume) => mountPoints(volume, appMounts)).map(literal),
    ...trialFlags(gate),
  ]
}

/** The agent's own variables. */
export const gateVariables = (agent: Agent): V1EnvVar[] =>
  agent.plan.gate && publishesFirst(agent) ? trialVariables(agent.plan.gate) : []

/** Mounts below that of a gated volume. In a ConfigMap's volume the kubelet makes their mount points. */
function mountPoints({ name, mounted, gate }: WatchedVolume, appMounts: readonly V1VolumeMount[]): string[] {
  const isOfVolume = (mount: V1VolumeMount) =>
    mount.name === gate?.name || (mount.name === mounted.name && !mount.subPath && !mount.subPathExpr)
  const below = pathsBelow(appMounts.map(({ mountPath }) => normalMountPath(mountPath)))
  return appMounts
    .filter(isOfVolume)
    .map(({ mountPath }) => normalMountPath(mountPath))
    .flatMap((path) =>
      Array.from(below(path), (one) => `--mount-point=${one}:${name}/${one.slice(path.length + 1)}`),
    )
}

/** Whether the container needs a first publish before it starts. */
export const publishesFirst = (agent: Agent): boolean => ownGates(agent).length > 0

/** Its name is in what `hotreload status` and Events tell a person to look at. */
export const gateContainerName = ({ name }: V1Container): string => nameFor('hotreload-gate', name)

/** The runtime makes mount points for the first publish itself, in a directory that it may write. */
export const withWritableCandidates = (
  mounts: readonly V1VolumeMount[],
  { watched }: Pick<Agent, 'watched'>,
): V1VolumeMount[] => {
  const own = new Set(ownGates({ watched }).map(({ gate }) => gate?.name))
  return mounts.map((mount) => {
    if (!own.has(mount.name) || mount.subPath !== 'candidate') return mount
    const { readOnly: _readOnly, ...writable } = mount
    return writable
  })
}
