/** The securityContext of what we add: as little as it can do with, and never more than the target has. */
import type { V1Container, V1PodSpec, V1SecurityContext } from '@kubernetes/client-node'
import { mayRunAsRoot } from '../workload/run-as-user.ts'

/** What a container may add to nothing; each of them only where the target has it too. */
export type Capability = 'KILL' | 'CHOWN' | 'DAC_OVERRIDE' | 'FOWNER'

/** The target's user and confinement without its capabilities; `wanted` ones where a root target keeps them. */
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

/** Beside a target whose programs it runs: what they can do there, they must be able to do here. */
export function rightsOf(target: V1Container, spec: V1PodSpec): V1SecurityContext {
  const { capabilities, readOnlyRootFilesystem } = target.securityContext ?? {}
  const { capabilities: _, readOnlyRootFilesystem: __, ...rights } = rightsBeside(target, spec, [])
  return {
    ...rights,
    ...(capabilities ? { capabilities } : {}),
    ...(readOnlyRootFilesystem === undefined ? {} : { readOnlyRootFilesystem }),
  }
}

/** The program's installer: the agent image's own user, or the Pod's, since it only writes into an emptyDir. */
export const installerRights = (spec: V1PodSpec): V1SecurityContext => ({
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  readOnlyRootFilesystem: true,
  // The restricted standard wants it said where the Pod does not; where the Pod says root it would be a contradiction.
  ...(spec.securityContext?.runAsUser === 0 ? {} : { runAsNonRoot: true }),
  ...seccomp({ name: '' }, spec),
})

/** The target's own profile; the Pod's is inherited; else RuntimeDefault, as the restricted Pod Security Standard asks. */
function seccomp(
  { securityContext }: V1Container,
  spec: V1PodSpec,
): Pick<V1SecurityContext, 'seccompProfile'> {
  if (securityContext?.seccompProfile) return { seccompProfile: securityContext.seccompProfile }
  return spec.securityContext?.seccompProfile ? {} : { seccompProfile: { type: 'RuntimeDefault' } }
}

/** All of ours are in the runtimes' default set, so a target has one unless it drops it. */
function keeps({ securityContext }: V1Container, capability: Capability): boolean {
  const named = (list: string[] | undefined) =>
    list?.some((name) => name === capability || name === `CAP_${capability}` || name === 'ALL')
  if (securityContext?.privileged || named(securityContext?.capabilities?.add)) return true
  return !named(securityContext?.capabilities?.drop)
}
