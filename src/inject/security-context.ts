/** The securityContext of each added container: as few rights as it needs, and never more than the app's container has. */
import type { V1Capabilities, V1Container, V1PodSpec, V1SecurityContext } from '@kubernetes/client-node'
import { mayRunAsRoot } from '../workload/run-as-user.ts'

/** Capabilities that an added container may have after dropping ALL; each only if the app's container has it. */
export type Capability = 'KILL' | 'CHOWN' | 'DAC_OVERRIDE' | 'FOWNER' | 'SETPCAP'

/** The user and confinement of the app's container without its capabilities, except `wanted` ones that a root container has. */
export function rightsBeside(
  target: V1Container,
  spec: V1PodSpec,
  wanted: readonly Capability[],
): V1SecurityContext {
  const own = target.securityContext ?? {}
  const add = mayRunAsRoot(target, spec) ? wanted.filter((capability) => keeps(target, capability)) : []
  const { runAsUser, runAsGroup, runAsNonRoot, seLinuxOptions, appArmorProfile } = own
  return {
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'], ...(add.length > 0 ? { add } : {}) },
    readOnlyRootFilesystem: true,
    ...(runAsUser === undefined ? {} : { runAsUser }),
    ...(runAsGroup === undefined ? {} : { runAsGroup }),
    ...(runAsNonRoot === undefined ? {} : { runAsNonRoot }),
    ...(seLinuxOptions ? { seLinuxOptions } : {}),
    ...(appArmorProfile ? { appArmorProfile } : {}),
    ...seccomp(target, spec),
  }
}

/**
 * For an agent that runs the app's programs: they must have the same rights here as there. SYS_ADMIN is the exception: no validator or reload
 * command needs it, and the API server refuses it beside `allowPrivilegeEscalation: false`.
 */
export function rightsOf(target: V1Container, spec: V1PodSpec): V1SecurityContext {
  const { capabilities, readOnlyRootFilesystem } = target.securityContext ?? {}
  const { capabilities: _, readOnlyRootFilesystem: __, ...rights } = rightsBeside(target, spec, [])
  return {
    ...rights,
    ...(capabilities ? { capabilities: withoutAdmin(capabilities) } : {}),
    ...(readOnlyRootFilesystem === undefined ? {} : { readOnlyRootFilesystem }),
  }
}

/** For the installer: it only writes into an emptyDir, so that it runs as the user of its own image, or of the Pod. */
export const installerRights = (spec: V1PodSpec): V1SecurityContext => ({
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  readOnlyRootFilesystem: true,
  // The restricted standard requires it if the Pod does not set it; together with the Pod's root user it would be a contradiction.
  ...(spec.securityContext?.runAsUser === 0 ? {} : { runAsNonRoot: true }),
  ...seccomp({ name: '' }, spec),
})

/** The app container's own profile; else the Pod's, which is inherited; else RuntimeDefault, which the restricted standard requires. */
function seccomp(
  { securityContext }: V1Container,
  spec: V1PodSpec,
): Pick<V1SecurityContext, 'seccompProfile'> {
  if (securityContext?.seccompProfile) return { seccompProfile: securityContext.seccompProfile }
  return spec.securityContext?.seccompProfile ? {} : { seccompProfile: { type: 'RuntimeDefault' } }
}

/** As runtimes compare the names of capabilities: `KILL`, `kill` and `CAP_KILL` are one. */
const capabilityName = (name: string): string => name.toUpperCase().replace(/^CAP_/, '')

function withoutAdmin({ add, ...others }: V1Capabilities): V1Capabilities {
  const kept = add?.filter((name) => capabilityName(name) !== 'SYS_ADMIN')
  return { ...others, ...(kept ? { add: kept } : {}) }
}

/**
 * All these capabilities are in the default set of runtimes, so that a container has one unless it drops it. What a container drops by name it
 * does not have, even if it also adds it.
 */
function keeps({ securityContext }: V1Container, capability: Capability): boolean {
  const { add = [], drop = [] } = securityContext?.capabilities ?? {}
  if (securityContext?.privileged) return true
  const names = (list: readonly string[], name: string) => list.some((one) => capabilityName(one) === name)
  if (names(drop, capability)) return false
  return !names(drop, 'ALL') || names(add, capability)
}
