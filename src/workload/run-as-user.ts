/** The user of a container, as far as its manifest shows. Pure. */
import type { V1Container, V1PodSpec } from '@kubernetes/client-node'

/** Undefined: the image decides. */
export const runAsUser = (container: V1Container, spec: V1PodSpec): number | undefined =>
  container.securityContext?.runAsUser ?? spec.securityContext?.runAsUser

/** Whether the container runs as root, or may because the image decides. */
export function mayRunAsRoot(container: V1Container, spec: V1PodSpec): boolean {
  const user = runAsUser(container, spec)
  const nonRoot = container.securityContext?.runAsNonRoot ?? spec.securityContext?.runAsNonRoot
  return user === undefined ? nonRoot !== true : user === 0
}
