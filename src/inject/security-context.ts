/** The securityContext of each added container: as few rights as it needs, and never more than the app's container has. */
import type { V1Container, V1PodSpec, V1SecurityContext } from '@kubernetes/client-node'
import { mayRunAsRoot } from '../workload/run-as-user.ts'

/** Capabilities that an added container may have after dropping ALL; each only if the app's container has it. */
export type Capability = 'KILL' | 'CHOWN' | 'DAC_OVERRIDE' | 'FOWNER'

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

/** For an agent that runs the app's programs: they must have the same rights here as there. */
export function rightsOf(target: V1Container, spec: V1PodSpec): V1SecurityContext {
  const { capabilities, readOnlyRootFilesystem } = target.securityContext ?? {}
  const { capabilities: _, readOnlyRootFilesystem: __, ...rights } = rightsBeside(target, spec, [])
  return {
    ...rights,
    ...(capabilities ? { capabilities } : {}),
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

/** All these capabilities are in the default set of runtimes, so that a container has one unless it drops it. */
function keeps({ securityContext }: V1Container, capability: Capability): boolean {
  const named = (list: string[] | undefined) =>
    list?.some((name) => name === capability || name === `CAP_${capability}` || name === 'ALL')
  if (securityContext?.privileged || named(securityContext?.capabilities?.add)) return true
  return !named(securityContext?.capabilities?.drop)
}
