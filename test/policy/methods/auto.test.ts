import type { V1Container, V1PodSpec } from '@kubernetes/client-node'
import { describe, expect, test } from 'vitest'
import { decisionFor, nginx, podSpec } from '../../support/builders.ts'

const app = (change: Partial<V1Container> = {}) =>
  nginx({ name: 'api', image: 'example.org/api:1', ...change })

/** The reload of the first container, what chose it, and the problems. */
function methodOf(container: V1Container, short: Record<string, string>, spec: Partial<V1PodSpec> = {}) {
  const { plan, messages, notes } = decisionFor(podSpec({ containers: [container], ...spec }), short)
  const [first] = plan.containers
  return { reload: first?.reload, chosenBy: first?.chosenBy, messages, notes }
}

describe('the reload is chosen by', () => {
  test.each<
    [what: string, container: V1Container, short: Record<string, string>, reload: object, chosenBy: string]
  >([
    [
      'the image',
      nginx(),
      {},
      { method: 'signal', signal: 'SIGHUP', processes: ['nginx', 'openresty'], confirm: 'workers' },
      'preset nginx',
    ],
    [
      'a preset, before the image',
      app(),
      { preset: 'pgbouncer' },
      { method: 'signal', signal: 'SIGHUP', processes: ['pgbouncer'] },
      'preset pgbouncer',
    ],
    [
      'a signal, before the preset; it means the main process',
      nginx(),
      { signal: 'usr1' },
      { method: 'signal', signal: 'SIGUSR1', processes: [] },
      'hotreload.dev/signal',
    ],
    [
      'a signal for a process',
      app(),
      { signal: 'HUP', process: 'worker' },
      { method: 'signal', signal: 'SIGHUP', processes: ['worker'] },
      'hotreload.dev/signal',
    ],
    [
      'a process, with the preset’s signal',
      nginx(),
      { process: 'my-nginx' },
      { method: 'signal', signal: 'SIGHUP', processes: ['my-nginx'], confirm: 'workers' },
      'preset nginx',
    ],
    [
      'a URL, before the preset',
      nginx(),
      { url: 'http://127.0.0.1:80/reload' },
      { method: 'http', httpMethod: 'POST', url: 'http://127.0.0.1/reload' },
      'hotreload.dev/url',
    ],
    [
      'reload, although signal and url are both set',
      app(),
      { signal: 'HUP', url: 'http://127.0.0.1:80/', reload: 'signal' },
      { method: 'signal', signal: 'SIGHUP', processes: [] },
      'hotreload.dev/signal',
    ],
    ['reload: none', nginx(), { reload: 'none', signal: 'HUP' }, { method: 'none' }, 'hotreload.dev/reload'],
    ['reload: rollout', nginx(), { reload: 'rollout' }, { method: 'rollout' }, 'hotreload.dev/reload'],
    [
      'a preset that watches',
      nginx({ image: 'caddy', args: ['run', '--watch', '--config', '/etc/nginx/conf.d/Caddyfile'] }),
      {},
      { method: 'none' },
      'preset caddy',
    ],
    ['a preset that never re-reads', nginx({ image: 'redis' }), {}, { method: 'rollout' }, 'preset redis'],
    [
      'a suffix, before the key for all',
      app(),
      { signal: 'HUP', 'signal.api': 'USR2' },
      { method: 'signal', signal: 'SIGUSR2', processes: [] },
      'hotreload.dev/signal',
    ],
  ])('%s', (_, container, short, reload, chosenBy) =>
    expect(methodOf(container, short)).toEqual({ reload, chosenBy, messages: [], notes: [] }),
  )

  test('an unknown program is never signalled: it rolls out, and a warning names the annotations to choose from', () =>
    expect(methodOf(app(), {})).toEqual({
      reload: { method: 'rollout' },
      chosenBy: 'unknown program',
      messages: [],
      notes: [
        'container api: set hotreload.dev/preset, signal or url, or hotreload.dev/reload: none (it watches its files) or restart; no way to reload its program is known',
      ],
    }))
})

test('signal and url together are denied unless reload chooses one', () => {
  const { messages } = methodOf(app(), { signal: 'HUP', url: 'http://127.0.0.1:1/' })
  expect(messages).toEqual([
    'hotreload.dev/signal and hotreload.dev/url are both set for container api; say which with hotreload.dev/reload [HR_TWO_WAYS]',
  ])
})

test('signal, url and command together are named in this order', () => {
  const { messages } = methodOf(app(), { command: 'x', signal: 'HUP', url: 'http://127.0.0.1:1/' })
  expect(messages[0]).toMatch(
    /^hotreload\.dev\/signal and hotreload\.dev\/url and hotreload\.dev\/command are all set/,
  )
})
