/** The containers that hotreload adds for one target: what installs the program, what prepares files, and the agent itself. */
import type { V1Container, V1PodSpec, V1VolumeMount } from '@kubernetes/client-node'
import type { ContainerPlan } from '../policy/decide.ts'
import type { Policy } from '../policy/policy.ts'
import { AGENT, linkArgs, nameFor, paths, watchArgs } from './agent.ts'
import type { LiveVolume } from './live-volumes.ts'
import { agentResources, initResources } from './resources.ts'
import { installerRights, rightsBeside } from './rights.ts'
import { type Rewrite, volumeMountsOf } from './subpath.ts'

export interface Injection {
  /** The image of the agent, with its version. */
  agentImage: string
  policy: Policy
}

export const INSTALL = 'hotreload-install'
export const BIN_VOLUME = 'hotreload-bin'
export const STATE_VOLUME = 'hotreload-state'
/** Empty, and mounted where the ServiceAccount's token would be: ServiceAccount admission leaves such a container alone. */
export const NO_TOKEN_VOLUME = 'hotreload-no-token'
const noToken: V1VolumeMount = {
  name: NO_TOKEN_VOLUME,
  mountPath: '/var/run/secrets/kubernetes.io/serviceaccount',
  readOnly: true,
}

/** The user is known only to the app's image, so ours can't run as the same one. */
export const userUnknown = ({ container }: ContainerPlan, spec: V1PodSpec): boolean =>
  (container.securityContext?.runAsUser ?? spec.securityContext?.runAsUser) === undefined

/** A copy of a directory of the app's image can be made in that image only. */
export const linksInAppImage = (
  plan: ContainerPlan,
  spec: V1PodSpec,
  rewrite: Rewrite | undefined,
): boolean => rewrite !== undefined && (rewrite.parents.length > 0 || userUnknown(plan, spec))

/** Puts the agent's program where the app's image can run it. */
export const installContainer = (
  { container }: ContainerPlan,
  spec: V1PodSpec,
  { agentImage }: Injection,
): V1Container => ({
  name: INSTALL,
  image: agentImage,
  imagePullPolicy: 'IfNotPresent',
  args: ['install', `${paths.bin}/${AGENT}`],
  volumeMounts: [{ name: BIN_VOLUME, mountPath: paths.bin }, noToken],
  securityContext: installerRights(spec),
  ...initResources(container, spec),
})

export function linkContainer(
  plan: ContainerPlan,
  spec: V1PodSpec,
  live: readonly LiveVolume[],
  rewrite: Rewrite,
  injection: Injection,
): V1Container {
  const { container, subPaths } = plan
  const copied = live.filter(({ name }) =>
    subPaths.some(({ mount, mode }) => mount.name === name && mode === 'copy'),
  )
  const inAppImage = linksInAppImage(plan, spec, rewrite)
  return {
    name: nameFor('hotreload-link', container.name),
    ...program(container, inAppImage, injection),
    args: linkArgs(subPaths, rewrite.parents),
    ...variables(plan, rewrite.below),
    volumeMounts: [
      ...binMount(inAppImage),
      ...rewrite.ownMounts,
      ...volumeMountsOf(copied),
      ...rewrite.below,
      noToken,
    ],
    // To keep the owners of what it copies, where the app itself is root and could do the same.
    securityContext: rightsBeside(container, spec, ['CHOWN', 'DAC_OVERRIDE', 'FOWNER']),
    ...initResources(container, spec),
  }
}

/** A native sidecar (KEP-753): it starts before the app, ends after it, and lets a Job complete. */
export function agentContainer(
  plan: ContainerPlan,
  spec: V1PodSpec,
  live: readonly LiveVolume[],
  rewrite: Rewrite | undefined,
  injection: Injection,
  { name, port }: { name: string; port: number },
): V1Container {
  const { container, reload } = plan
  const inAppImage = userUnknown(plan, spec)
  const resources = agentResources(spec, injection.policy)
  return {
    name,
    ...program(container, inAppImage, injection),
    args: watchArgs(plan, live, port),
    ...variables(plan, []),
    restartPolicy: 'Always',
    volumeMounts: [
      ...binMount(inAppImage),
      ...volumeMountsOf(live),
      ...(rewrite?.ownMounts ?? []),
      { name: STATE_VOLUME, mountPath: paths.state },
      noToken,
    ],
    // Root without KILL can't signal a program that stepped down to another user (gosu, setpriv): EPERM.
    securityContext: rightsBeside(container, spec, reload.way === 'signal' ? ['KILL'] : []),
    ...(resources ? { resources } : {}),
  }
}

function program(
  target: V1Container,
  inAppImage: boolean,
  { agentImage }: Injection,
): Pick<V1Container, 'image' | 'imagePullPolicy' | 'command'> {
  if (!inAppImage) return { image: agentImage, imagePullPolicy: 'IfNotPresent' }
  return {
    ...(target.image === undefined ? {} : { image: target.image }),
    ...(target.imagePullPolicy === undefined ? {} : { imagePullPolicy: target.imagePullPolicy }),
    command: [`${paths.bin}/${AGENT}`],
  }
}

const binMount = (inAppImage: boolean): V1VolumeMount[] =>
  inAppImage ? [{ name: BIN_VOLUME, mountPath: paths.bin, readOnly: true }] : []

/** A subPathExpr in our arguments, or in a mount that we repeat, means the app's variables; else we need none. */
function variables(
  { container, subPaths }: ContainerPlan,
  repeated: readonly V1VolumeMount[],
): Pick<V1Container, 'env' | 'envFrom'> {
  const expressions =
    subPaths.some(({ isExpression, mode }) => isExpression && mode !== 'keep') ||
    repeated.some(({ subPathExpr }) => subPathExpr)
  if (!expressions) return {}
  const env = container.env?.map((variable) => {
    const field = variable.valueFrom?.resourceFieldRef
    // Without a container's name the field would be about our own limits.
    return field
      ? { ...variable, valueFrom: { resourceFieldRef: { containerName: container.name, ...field } } }
      : variable
  })
  return { ...(env ? { env } : {}), ...(container.envFrom ? { envFrom: container.envFrom } : {}) }
}
