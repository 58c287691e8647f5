import type { V1Container } from '@kubernetes/client-node'
import { describe, expect, test } from 'vitest'
import { needsInstall, planAgents } from '../../src/inject/agent.ts'
import { decisionFor, nginx, podSpec } from '../support/builders.ts'

describe('the agents of a Pod', () => {
  const agentsFor = (...names: string[]) =>
    planAgents(decisionFor(podSpec({ containers: names.map((name) => nginx({ name })) })).plan)

  test('one alone has the plain name', () =>
    expect(agentsFor('web').map(({ name, port }) => [name, port])).toEqual([['hotreload-agent', 9467]]))

  test('several have their containers’ names, and a port each', () =>
    expect(agentsFor('web', 'api').map(({ name, port }) => [name, port])).toEqual([
      ['hotreload-agent-web', 9467],
      ['hotreload-agent-api', 9468],
    ]))
})

describe('the agent’s program is installed for the app’s image', () => {
  const isInstalled = (short: Record<string, string>, container: Partial<V1Container> = {}) => {
    const spec = podSpec({
      containers: [nginx({ command: ['nginx'], securityContext: { runAsUser: 1000 }, ...container })],
    })
    return planAgents(decisionFor(spec, short).plan).some((agent) => needsInstall(agent, spec))
  }
  const subPath = [{ name: 'conf', mountPath: '/etc/nginx/a.conf', subPath: 'a.conf' }]

  test.each<[why: string, short: Record<string, string>, container: Partial<V1Container>, is: boolean]>([
    ['not for a known user', {}, {}, false],
    ['for a user that only the image knows', {}, { securityContext: {} }, true],
    ['for a validator', { validate: 'nginx -t' }, {}, true],
    ['for a command', { command: 'nginx -s reload' }, {}, true],
    ['for a probe', { reload: 'probe' }, {}, true],
    ['for a supervised program', { reload: 'supervise' }, {}, true],
    ['for a directory that is copied', { subpath: 'symlink' }, { volumeMounts: subPath }, true],
    ['not for a file that is rewritten', { subpath: 'copy' }, { volumeMounts: subPath }, false],
  ])('%s', (_, short, container, is) => expect(isInstalled(short, container)).toBe(is))
})
