/** The containers that hotreload adds for one target: what installs the program, what prepares files, and the agent itself. */
import type { V1Container, V1PodSpec, V1VolumeMount } from '@kubernetes/client-node'
import type { ContainerPlan } from '../policy/plan.ts'
import type { Policy } from '../policy/policy.ts'
import { AGENT, linkArgs, paths, watchArgs } from './agent-flags.ts'
import type { LiveVolume } from './live-volumes.ts'
import { nameFor } from './names.ts'
import { agentResources, initResources } from './resources.ts'
import { type Capability, installerRights, rightsBeside, rightsOf } from './security-context.ts'
import { type Rewrite, repeated, volumeMountsOf } from './subpath.ts'

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
const userUnknown = ({ container }: ContainerPlan, spec: V1PodSpec): boolean =>
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

/** One agent: whom it serves, what it watches, and where it answers. */
export interface Agent {
  plan: ContainerPlan
  name: string
  port: number
  live: readonly LiveVolume[]
  env: readonly LiveVolume[]
  rewrite: Rewrite | undefined
}

/** A validator or a command judges with the app's own programs, files and variables. */
const runsCommands = ({ validate, reload }: ContainerPlan): boolean =>
  validate !== undefined || reload.method === 'exec'

/** Whether the agent's program must be installed into the app's image. */
export const agentInAppImage = (plan: ContainerPlan, spec: V1PodSpec): boolean =>
  userUnknown(plan, spec) || runsCommands(plan)

const DEFAULT_GRACE_SECONDS = 30

export const agentArgs = ({ plan, live, env, port }: Agent, spec: V1PodSpec): string[] =>
  watchArgs(plan, {
    live,
    env,
    port,
    graceSeconds: spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS,
  })

/** Where an agent works, beside the app or in its container. */
export const agentMounts = ({ live, env, rewrite }: Agent): V1VolumeMount[] => [
  ...volumeMountsOf([...live, ...env]),
  ...(rewrite?.ownMounts ?? []),
  { name: STATE_VOLUME, mountPath: paths.state },
]

/** A native sidecar (KEP-753): it starts before the app, ends after it, and lets a Job complete. */
export function agentContainer(agent: Agent, spec: V1PodSpec, injection: Injection): V1Container {
  const { plan, name, rewrite } = agent
  const { container } = plan
  const asTarget = runsCommands(plan)
  const inAppImage = agentInAppImage(plan, spec)
  const app = rewrite?.container ?? container
  const resources = agentResources(spec, injection.policy, asTarget ? container : undefined)
  const own = [...binMount(inAppImage), ...agentMounts(agent), noToken]
  const taken = new Set(own.map(({ mountPath }) => mountPath))
  return {
    name,
    ...program(container, inAppImage, injection),
    args: ['watch', ...agentArgs(agent, spec)],
    ...(asTarget ? variablesOf(container) : variables(plan, [])),
    ...(asTarget && container.workingDir ? { workingDir: container.workingDir } : {}),
    restartPolicy: 'Always',
    volumeMounts: [
      ...(asTarget
        ? repeated(
            (app.volumeMounts ?? []).filter(({ mountPath }) => !taken.has(mountPath) && !isToken(mountPath)),
          )
        : []),
      ...own,
    ],
    securityContext: asTarget
      ? rightsOf(container, spec)
      : rightsBeside(container, spec, agentCapabilities(plan)),
    ...(resources ? { resources } : {}),
  }
}

/** Root without KILL can't signal a program that stepped down to another user (gosu, setpriv): EPERM. */
const agentCapabilities = (plan: ContainerPlan): Capability[] =>
  plan.reload.method === 'signal' || plan.reload.method === 'restart' || plan.env.length > 0 ? ['KILL'] : []

const isToken = (mountPath: string): boolean => mountPath === noToken.mountPath

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

export const binMount = (inAppImage: boolean): V1VolumeMount[] =>
  inAppImage ? [{ name: BIN_VOLUME, mountPath: paths.bin, readOnly: true }] : []

/** A subPathExpr in our arguments, or in a mount that we repeat, means the app's variables; else we need none. */
function variables(
  { container, subPaths }: ContainerPlan,
  repeated: readonly V1VolumeMount[],
): Pick<V1Container, 'env' | 'envFrom'> {
  const expressions =
    subPaths.some(({ isExpression, mode }) => isExpression && mode !== 'keep') ||
    repeated.some(({ subPathExpr }) => subPathExpr)
  return expressions ? variablesOf(container) : {}
}

function variablesOf(container: V1Container): Pick<V1Container, 'env' | 'envFrom'> {
  const env = container.env?.map((variable) => {
    const field = variable.valueFrom?.resourceFieldRef
    // Without a container's name the field would be about our own limits.
    return field
      ? { ...variable, valueFrom: { resourceFieldRef: { containerName: container.name, ...field } } }
      : variable
  })
  return { ...(env ? { env } : {}), ...(container.envFrom ? { envFrom: container.envFrom } : {}) }
}
