import { describe, expect, test } from 'vitest'
import { planAgents } from '../../src/inject/agent.ts'
import { probeArgs } from '../../src/inject/agent-flags.ts'
import { agentArgs } from '../../src/inject/sidecar.ts'
import { decisionFor, nginx, podSpec } from '../support/builders.ts'

function flags(short: Record<string, string>, spec = podSpec()): string[] {
  const [agent] = planAgents(decisionFor(spec, short).plan)
  return agent ? agentArgs(agent, spec) : []
}

describe('the flags of an agent', () => {
  test('name the container, its volumes, the reload and a port', () =>
    expect(flags({})).toEqual([
      '--container=web',
      '--volume=conf',
      '--reload=signal',
      '--signal=SIGHUP',
      '--process=nginx',
      '--process=openresty',
      '--confirm=workers',
      '--port=9467',
    ]))

  test('name the optional volumes of rewritten mounts, whose keys may be absent', () => {
    const optional = (subPath?: string) =>
      flags(
        {},
        podSpec({
          containers: [
            nginx({
              volumeMounts: [
                { name: 'conf', mountPath: '/etc/nginx/nginx.conf', ...(subPath ? { subPath } : {}) },
              ],
            }),
          ],
          volumes: [{ name: 'conf', configMap: { name: 'web', optional: true } }],
        }),
      ).filter((flag) => flag.startsWith('--optional='))
    expect(optional('nginx.conf')).toEqual(['--optional=conf'])
    expect(optional()).toEqual([])
  })

  test('escape a dollar, which the kubelet would expand', () => {
    expect(flags({ command: 'echo $(HOME)' })).toContain('--command=["echo","$$(HOME)"]')
    expect(flags({ url: 'http://127.0.0.1:1/$(X)' })).toContain('--url=POST http://127.0.0.1:1/$$(X)')
  })

  test('give the grace period of the Pod only if the agent ends the program', () => {
    const grace = (reload: string, terminationGracePeriodSeconds?: number) =>
      flags(
        { reload, signal: 'HUP' },
        podSpec({
          containers: [nginx({ command: ['nginx'] })],
          ...(terminationGracePeriodSeconds === undefined ? {} : { terminationGracePeriodSeconds }),
        }),
      ).filter((flag) => flag.startsWith('--grace='))
    expect(grace('signal')).toEqual([])
    expect(grace('probe')).toEqual([])
    expect(grace('restart')).toEqual(['--grace=30s'])
    expect(grace('supervise', 5)).toEqual(['--grace=5s'])
    expect(grace('restart', 0)).toEqual(['--grace=0s'])
    expect(grace('restart', -1)).toEqual(['--grace=1s'])
    expect(grace('restart', 9.2e18)).toEqual(['--grace=9223372036s'])
  })

  test.each(['/etc/nginx', 'etc/nginx'])('name the mounts below a gated one: %s', (path) => {
    const volumeMounts = [
      { name: 'conf', mountPath: path },
      { name: 'run', mountPath: `${path}/run` },
    ]
    const volumes = [
      { name: 'conf', configMap: { name: 'web' } },
      { name: 'run', emptyDir: {} },
    ]
    const spec = podSpec({ containers: [nginx({ volumeMounts })], volumes })
    expect(flags({ gate: 'publish', validate: 'nginx -t' }, spec)).toContain(
      '--mount-point=/etc/nginx/run:conf/run',
    )
  })

  test('have a subPath mount at its normalized path', () => {
    const volumeMounts = [{ name: 'conf', mountPath: '/etc/nginx//a.conf', subPath: 'a.conf' }]
    expect(flags({ subpath: 'copy' }, podSpec({ containers: [nginx({ volumeMounts })] }))).toContain(
      '--copy=/etc/nginx/a.conf:conf/a.conf',
    )
  })
})

test.each([
  [undefined, []],
  [{ url: 'http://127.0.0.1:80/live' }, ['--http-get=http://127.0.0.1:80/live']],
  [{ port: 80 }, ['--tcp=80']],
])('a probe that forwards %j has the flags %j', (forward, own) =>
  expect(probeArgs('web', forward, 3)).toEqual(['probe', '--container=web', ...own, '--timeout=3s']),
)
