import type { V1Container, V1PodSpec } from '@kubernetes/client-node'
import { expect, test } from 'vitest'
import { mayRunAsRoot } from '../../src/workload/run-as-user.ts'
import { nginx, podSpec } from '../support/builders.ts'

test.each<[container: Partial<V1Container>, spec: Partial<V1PodSpec>, root: boolean]>([
  [{}, {}, true],
  [{ securityContext: { runAsUser: 0 } }, { securityContext: { runAsUser: 1000 } }, true],
  [{ securityContext: { runAsUser: 1000 } }, { securityContext: { runAsUser: 0 } }, false],
  [{}, { securityContext: { runAsNonRoot: true } }, false],
  [{ securityContext: { runAsNonRoot: false } }, { securityContext: { runAsNonRoot: true } }, true],
])('container %j in Pod %j may run as root: %s', (container, spec, root) =>
  expect(mayRunAsRoot(nginx(container), podSpec(spec))).toBe(root),
)
