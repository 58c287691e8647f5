import type { V1PodSpec } from '@kubernetes/client-node'
import { expect, test } from 'vitest'
import { decisionFor, nginx, podSpec } from '../support/builders.ts'

const agents = (spec: V1PodSpec, short: Record<string, string> = {}) =>
  decisionFor(spec, short)
    .plan.containers.filter(({ agent }) => agent)
    .map(({ container }) => container.name)

test.each(['istio-proxy', 'linkerd-proxy', 'vault-agent'])(
  'the container %s gets no agent unless an annotation names it',
  (name) => {
    const spec = podSpec({ containers: [nginx(), nginx({ name })] })
    expect(agents(spec)).toEqual(['web'])
    expect(decisionFor(spec, { signal: 'HUP' }).messages).toEqual([])
    expect(agents(spec, { container: name })).toEqual([name])
  },
)
