/** The containers that hotreload adds: the installer of the agent's program, the one that prepares files, and the agent itself. */
import type { V1Container, V1EnvVar, V1PodSpec, V1VolumeMount } from '@kubernetes/client-node'
import { methodOf } from '../policy/methods/reload-methods.ts'
import type { ContainerPlan } from '../policy/plan.ts'
import type { Policy } from '../policy/policy.ts'
import { MOST_SECONDS } from '../workload/duration.ts'
import { type Agent, linksIn, linksInAppImage, runsCommands, watchesInAppImage } from './agent.ts'
import { AGENT, awaitLinkArgs, linkArgs, linkOnceArgs, paths, watchArgs } from './agent-flags.ts'
import {
  gateContainerName,
  gateFlags,
  gateMounts,
  gateVariables,
  ownGates,
  seenByCommands,
  withWritableCandidates,
} from './gate.ts'
import { nameFor } from './names.ts'
import { agentResources, initResources } from './resources.ts'
import { type Capability, installerRights, rightsBeside, rightsOf } from './security-context.ts'
import { mountedBy, type Rewrite, repeated, volumeMountsOf } from './subpath.ts'

export const INSTALL = 'hotreload-install'
export const BIN_VOLUME = 'hotreload-bin'
export const STATE_VOLUME = 'hotreload-state'

/** The part of the state volume that one container's agent owns: no other container mounts it. The kubelet creates it with the volume's own mode, 0777. */
export const stateMount = (container: string): V1VolumeMount => ({
  name: STATE_VOLUME,
  mountPath: paths.state,
  subPath: container,
})

/** Empty, and mounted at the path of the ServiceAccount's token, so that ServiceAccount admission mounts no token there. */
export const NO_TOKEN_VOLUME = 'hotreload-no-token'
const noToken: V1VolumeMount = {
  name: NO_TOKEN_VOLUME,
  mountPath: '/var/run/secrets/kubernetes.io/serviceaccount',
  readOnly: true,
}

/**
 * Copies the agent's program to a volume, so that a container with the app's image can run it. Its hook does that; as an init container it
 * would cost each Pod another half second.
 */
export function installContainer(spec: V1PodSpec, policy: Policy, agentImage: string): V1Container {
  const resources = agentResources(spec, policy)
  return {
    name: INSTALL,
    image: agentImage,
    imagePullPolicy: 'IfNotPresent',
    args: ['idle'],
    ...holdBack(programPath(false), 'install', programPath(true)),
    restartPolicy: 'Always',
    volumeMounts: [{ name: BIN_VOLUME, mountPath: paths.bin }, noToken],
    securityContext: installerRights(spec),
    ...(resources ? { resources } : {}),
  }
}

/** The kubelet starts the next container when the hook has ended, and this one again, with its hook, after one that failed. */
const holdBack = (...command: string[]): Pick<V1Container, 'lifecycle'> => ({
  lifecycle: { postStart: { exec: { command } } },
})

interface ContainerRequest {
  agent: Agent
  spec: V1PodSpec
  agentImage: string
}

/** To keep the owners of the files that are copied, if the app itself is root and could do the same. */
const LINK_CAPABILITIES: readonly Capability[] = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER']

/** Prepares the files that replace subPath mounts, before the app starts. */
export function linkContainer({
  agent,
  rewrite,
  spec,
  agentImage,
}: ContainerRequest & { rewrite: Rewrite }): V1Container {
  const { plan, watched } = agent
  const { container, subPaths } = plan
  const copies = subPaths.filter(({ mode }) => mode === 'copy')
  const inAppImage = linksInAppImage(agent, spec)
  return {
    name: nameFor('hotreload-link', container.name),
    ...program(container, inAppImage, agentImage),
    args: linkArgs(
      subPaths,
      rewrite.parents,
      mountedBy(copies, ownGates(agent)).map(({ name }) => name),
    ),
    ...variables(plan, rewrite.below),
    volumeMounts: [
      ...binMount(inAppImage),
      ...rewrite.ownMounts,
      ...volumeMountsOf(mountedBy(copies, watched)),
      ...rewrite.below,
      noToken,
    ],
    securityContext: rightsBeside(container, spec, LINK_CAPABILITIES),
    ...initResources(container, spec),
  }
}

const DEFAULT_GRACE_SECONDS = 30

export const agentArgs = (agent: Agent, spec: V1PodSpec): string[] =>
  watchArgs(agent.plan, {
    ...agent,
    graceSeconds: graceOf(spec),
    gate: gateFlags(agent, appMountsOf(agent)),
  })

/** The API takes any integer. The agent would refuse a negative one, which counts as 1, and one of more milliseconds than it can count. */
function graceOf({ terminationGracePeriodSeconds: seconds = DEFAULT_GRACE_SECONDS }: V1PodSpec): number {
  return seconds < 0 ? 1 : Math.min(seconds, MOST_SECONDS)
}

const appMountsOf = ({ plan: { container }, rewrite }: Agent): readonly V1VolumeMount[] =>
  rewrite?.volumeMounts ?? container.volumeMounts ?? []

/** The agent's mounts, beside the app or in its container. */
export const agentMounts = (agent: Agent): V1VolumeMount[] => [
  ...seenByCommands(volumeMountsOf([...agent.watched, ...agent.env]), agent),
  ...gateMounts(agent),
  ...(agent.rewrite?.ownMounts ?? []),
  stateMount(agent.plan.container.name),
]

/** A native sidecar (KEP-753): it starts before the app, ends after it, and lets a Job complete. */
export function agentContainer({
  agent,
  spec,
  policy,
  agentImage,
}: ContainerRequest & { policy: Policy }): V1Container {
  const { plan, name, rewrite } = agent
  const { container } = plan
  const asTarget = runsCommands(plan)
  const inAppImage = watchesInAppImage(agent, spec)
  const linked = linksIn(agent) === 'agent' ? rewrite : undefined
  const resources = agentResources(spec, policy, asTarget ? container : undefined)
  const own = [...binMount(inAppImage), ...agentMounts(agent), noToken]
  return {
    name,
    ...program(container, inAppImage, agentImage),
    args: ['watch', ...(linked ? linkOnceArgs(linked.parents) : []), ...agentArgs(agent, spec)],
    ...(linked ? holdBack(programPath(inAppImage), ...awaitLinkArgs(container.name)) : {}),
    ...(asTarget ? variablesOf(container, gateVariables(agent)) : variables(plan, linked?.below ?? [])),
    ...(asTarget && container.workingDir ? { workingDir: container.workingDir } : {}),
    restartPolicy: 'Always',
    volumeMounts: [...(asTarget ? besides(own, agent) : []), ...own, ...(linked?.below ?? [])],
    securityContext: asTarget
      ? rightsOf(container, spec)
      : rightsBeside(container, spec, [
          ...agentCapabilities(plan),
          ...(linked ? [...LINK_CAPABILITIES, ...TO_GIVE_UP] : []),
        ]),
    ...(resources ? { resources } : {}),
  }
}

/** With it, the agent takes the capabilities for linking from its bounding set, too, once it has linked. */
const TO_GIVE_UP: readonly Capability[] = ['SETPCAP']

/**
 * The first publish of gated volumes, before the app starts: its agent up to the point at which the app can start.
 * @param watch the agent's container
 */
export function gateContainer(watch: V1Container, { plan, watched }: Agent, spec: V1PodSpec): V1Container {
  const { restartPolicy: _, resources: __, ...same } = watch
  const mounts = (watch.volumeMounts ?? []).filter(({ mountPath }) => mountPath !== paths.state)
  return {
    ...same,
    name: gateContainerName(plan.container),
    args: ['gate', ...(watch.args ?? []).slice(1)],
    volumeMounts: withWritableCandidates(mounts, { watched }),
    ...initResources(plan.container, spec),
  }
}

/** The app's mounts as its validators and commands see them, but for the paths of our own. */
function besides(own: readonly V1VolumeMount[], agent: Agent): V1VolumeMount[] {
  const taken = new Set(own.map(({ mountPath }) => mountPath))
  const mounts = appMountsOf(agent).filter(({ mountPath }) => !taken.has(mountPath) && !isToken(mountPath))
  return repeated(seenByCommands(mounts, agent))
}

/** Without KILL, even root can't signal a program that stepped down to another user (gosu, setpriv): EPERM. */
const agentCapabilities = (plan: ContainerPlan): Capability[] =>
  methodOf(plan.reload).needsKill || plan.env.length > 0 ? ['KILL'] : []

const isToken = (mountPath: string): boolean => mountPath === noToken.mountPath

function program(
  target: V1Container,
  inAppImage: boolean,
  agentImage: string,
): Pick<V1Container, 'image' | 'imagePullPolicy' | 'command'> {
  if (!inAppImage) return { image: agentImage, imagePullPolicy: 'IfNotPresent' }
  return {
    ...(target.image === undefined ? {} : { image: target.image }),
    ...(target.imagePullPolicy === undefined ? {} : { imagePullPolicy: target.imagePullPolicy }),
    command: [programPath(inAppImage)],
  }
}

/** In the app's image, or in the agent's own (Dockerfile). */
const programPath = (inAppImage: boolean): string => `${inAppImage ? paths.bin : ''}/${AGENT}`

export const binMount = (inAppImage: boolean): V1VolumeMount[] =>
  inAppImage ? [{ name: BIN_VOLUME, mountPath: paths.bin, readOnly: true }] : []

/** The app's variables, if a subPathExpr in our arguments or in a repeated mount needs them. */
function variables(
  { container, subPaths }: ContainerPlan,
  repeated: readonly V1VolumeMount[],
): Pick<V1Container, 'env' | 'envFrom'> {
  const expressions =
    subPaths.some(({ isExpression, mode }) => isExpression && mode !== 'keep') ||
    repeated.some(({ subPathExpr }) => subPathExpr)
  return expressions ? variablesOf(container) : {}
}

/** @param added variables of ours */
function variablesOf(
  container: V1Container,
  added: readonly V1EnvVar[] = [],
): Pick<V1Container, 'env' | 'envFrom'> {
  const own = container.env?.map((variable) => {
    const field = variable.valueFrom?.resourceFieldRef
    // Without a container's name the field would have the limits of our own container.
    return field
      ? { ...variable, valueFrom: { resourceFieldRef: { containerName: container.name, ...field } } }
      : variable
  })
  const env = added.length > 0 ? [...(own ?? []), ...added] : own
  return { ...(env ? { env } : {}), ...(container.envFrom ? { envFrom: container.envFrom } : {}) }
}
