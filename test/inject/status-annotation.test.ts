import type { V1PodSpec } from '@kubernetes/client-node'
import { expect, test } from 'vitest'
import { injectPod } from '../../src/inject/pod.ts'
import { AGENT_IMAGE, decisionFor, nginx, podSpec } from '../support/builders.ts'
import { times } from '../support/nasty-objects.ts'

function statusOf(spec: V1PodSpec, short: Record<string, string> = {}): unknown {
  const options = { agentImage: AGENT_IMAGE, version: '1.2.3' }
  const { metadata } = injectPod({ spec }, decisionFor(spec, short).plan, options)
  return JSON.parse(metadata?.annotations?.['hotreload.dev/status'] ?? '')
}

test('the status says for each container what was done and what chose it', () =>
  expect(statusOf(podSpec())).toEqual({
    version: '1.2.3',
    containers: {
      web: {
        reload: 'signal',
        chosenBy: 'preset nginx',
        agent: 'hotreload-agent',
        signal: 'SIGHUP',
        volumes: ['conf'],
      },
    },
  }))

test.each<[short: Record<string, string>, status: object]>([
  [{ url: 'http://127.0.0.1:1/' }, { reload: 'http', url: 'POST http://127.0.0.1:1/' }],
  [{ command: 'a b' }, { reload: 'exec', command: ['a', 'b'] }],
  [{ validate: 'nginx -t' }, { validate: ['nginx', '-t'] }],
  [{ env: 'restart' }, { env: ['ConfigMap/env'] }],
])('%j is in the status', (short, status) => {
  const spec = podSpec({ containers: [nginx({ envFrom: [{ configMapRef: { name: 'env' } }] })] })
  expect(statusOf(spec, short)).toMatchObject({ containers: { web: status } })
})

test('the status of a container without an agent says why', () => {
  const api = nginx({ name: 'api', image: 'example.org/api:1' })
  const volumes = ['conf', 'other'].map((name) => ({ name, configMap: { name } }))
  const spec = podSpec({
    containers: [nginx(), { ...api, volumeMounts: [{ name: 'other', mountPath: '/a' }] }],
    volumes,
  })
  expect(statusOf(spec)).toMatchObject({
    containers: {
      web: { agent: 'hotreload-agent' },
      api: {
        reload: 'rollout',
        chosenBy: 'unknown program',
        notes: [expect.stringContaining('no way to reload its program is known')],
      },
    },
  })
})

test('the status has the mode of each subPath mount', () => {
  const volumeMounts = [{ name: 'conf', mountPath: '/etc/nginx/a.conf', subPath: 'a.conf' }]
  expect(statusOf(podSpec({ containers: [nginx({ volumeMounts })] }), { subpath: 'copy' })).toMatchObject({
    containers: { web: { subPaths: { '/etc/nginx/a.conf': 'copy' } } },
  })
})

test('a status without room for its lists still says which containers have a gate', () => {
  const containers = times(64, (at) => {
    const volumeMounts = times(16, (one) => ({
      name: 'conf',
      mountPath: `/${'x'.repeat(200)}/${one}`,
      subPath: 'a',
    }))
    return nginx({ name: `c${at}`, volumeMounts })
  })
  const gated = { gate: 'strict', validate: `nginx -t ${'x'.repeat(1000)}`, subpath: 'copy' }
  expect(statusOf(podSpec({ containers }), gated)).toMatchObject({
    containers: { c0: { agent: 'hotreload-agent-c0', gate: { mode: 'strict', volumes: [] } } },
    notes: [expect.stringContaining('too long')],
  })
})
