import type { V1Container } from '@kubernetes/client-node'
import { describe, expect, test } from 'vitest'
import { planAgents } from '../../src/inject/agent.ts'
import { changeAppContainer } from '../../src/inject/app-container.ts'
import { decisionFor, nginx, podSpec } from '../support/builders.ts'

function changed(short: Record<string, string>, change: Partial<V1Container> = {}) {
  const container = nginx(change)
  const spec = podSpec({ containers: [container] })
  const [agent] = planAgents(decisionFor(spec, short).plan)
  return { container, after: agent ? changeAppContainer(container, agent, spec) : undefined }
}

test.each(['signal', 'restart', 'none'])('reload: %s leaves the container as it is', (reload) => {
  const { container, after } = changed(
    { reload, url: 'http://127.0.0.1:1/', env: 'restart' },
    {
      envFrom: [{ configMapRef: { name: 'env' } }],
    },
  )
  expect(after).toBe(container)
})

describe('reload: probe', () => {
  test('replaces the question of the liveness probe and keeps its times', () => {
    const livenessProbe = { httpGet: { port: 80, path: '/live' }, periodSeconds: 5, timeoutSeconds: 2 }
    const { after } = changed({ reload: 'probe' }, { livenessProbe })
    expect(after?.livenessProbe).toEqual({
      periodSeconds: 5,
      timeoutSeconds: 2,
      exec: {
        command: [
          '/.hotreload/bin/hotreload-agent',
          'probe',
          '--container=web',
          '--http-get=http://127.0.0.1:80/live',
          '--timeout=2s',
        ],
      },
    })
  })

  test('mounts the agent’s program and this container’s part of the state, read-only', () =>
    expect(changed({ reload: 'probe' }).after?.volumeMounts?.slice(-2)).toEqual([
      { name: 'hotreload-bin', mountPath: '/.hotreload/bin', readOnly: true },
      { name: 'hotreload-state', mountPath: '/.hotreload/state', subPath: 'web', readOnly: true },
    ]))
})

describe('reload: supervise', () => {
  test('starts the program as a child of the agent', () => {
    const { after } = changed({ reload: 'supervise' }, { command: ['nginx'], args: ['-g', 'daemon off;'] })
    expect(after?.command).toEqual(['/.hotreload/bin/hotreload-agent'])
    expect(after?.args?.[0]).toBe('supervise')
    expect(after?.args?.slice(-4)).toEqual(['--', 'nginx', '-g', 'daemon off;'])
  })

  test('mounts this container’s part of the state only', () => {
    const { after } = changed({ reload: 'supervise' }, { command: ['nginx'] })
    expect(after?.volumeMounts).toContainEqual({
      name: 'hotreload-state',
      mountPath: '/.hotreload/state',
      subPath: 'web',
    })
  })

  test('keeps a mount of the user at the same path', () => {
    const own = { name: 'conf', mountPath: '/.hotreload/state' }
    const { after } = changed({ reload: 'supervise' }, { command: ['nginx'], volumeMounts: [own] })
    expect(after?.volumeMounts?.filter(({ mountPath }) => mountPath === own.mountPath)).toEqual([own])
  })
})
