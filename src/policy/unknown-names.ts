/** Finds annotations that do not fit their Pod: all mistakes at once, each with its remedy. */
import type { V1Container, V1PodSpec } from '@kubernetes/client-node'
import { UserError } from '../errors.ts'
import { annotations, PREFIX } from './annotations.ts'
import type { Policy } from './policy.ts'

/** Problems of keys that name a container or volume which the Pod does not have, or that are about one program although the Pod has several. */
export function unknownNames(spec: V1PodSpec, policy: Policy, targets: V1Container[]): UserError[] {
  const containers = spec.containers.map(({ name }) => name)
  const volumes = (spec.volumes ?? []).map(({ name }) => name)
  const missing = (key: string, kind: string, name: string, known: string[]) =>
    new UserError(
      'HR_UNKNOWN_NAME',
      `${PREFIX}${key}: the Pod has no ${kind} ${name}`,
      known.length > 0 ? `it has ${known.join(', ')}` : `it has no ${kind}s`,
    )
  const several = targets.length > 1 ? targets.map(({ name }) => name) : []
  return [
    ...(policy.shared.container ?? [])
      .filter((name) => !containers.includes(name))
      .map((name) => missing('container', 'container', name, containers)),
    ...(policy.shared.volumes ?? [])
      .filter((name) => !volumes.includes(name))
      .map((name) => missing('volumes', 'volume', name, volumes)),
    ...[...policy.byContainer]
      .filter(([name]) => !containers.includes(name))
      .flatMap(([name, settings]) =>
        Object.keys(settings).map((key) => missing(`${key}.${name}`, 'container', name, containers)),
      ),
    ...Object.keys(policy.shared)
      .filter((key) => several.length > 0 && 'oneProgram' in annotations[key as keyof typeof annotations])
      .map(
        (key) =>
          new UserError(
            'HR_SAY_WHICH',
            `${PREFIX}${key}: the Pod has several containers it could mean (${several.join(', ')})`,
            `say which, e.g. ${PREFIX}${key}.${several[0]}, or set ${PREFIX}container`,
          ),
      ),
  ]
}
