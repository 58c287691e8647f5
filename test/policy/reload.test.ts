import type { V1Container, V1PodSpec } from '@kubernetes/client-node'
import { describe, expect, test } from 'vitest'
import { decisionFor, nginx, podSpec } from '../support/builders.ts'

const app = (change: Partial<V1Container> = {}) =>
  nginx({ name: 'api', image: 'example.org/api:1', ...change })

/** The reload of the first container, what chose it, and the problems. */
function methodOf(container: V1Container, short: Record<string, string>, spec: Partial<V1PodSpec> = {}) {
  const { plan, messages, notes } = decisionFor(podSpec({ containers: [container], ...spec }), short)
  const [first] = plan.containers
  return { reload: first?.reload, chosenBy: first?.chosenBy, messages, notes }
}

describe('the choice of a reload method', () => {
  test.each<
    [what: string, container: V1Container, short: Record<string, string>, reload: object, chosenBy: string]
  >([
    [
      'the image',
      nginx(),
      {},
      { method: 'signal', signal: 'SIGHUP', processes: ['nginx', 'openresty'] },
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
      { method: 'signal', signal: 'SIGHUP', processes: ['my-nginx'] },
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
      'reload, where signal and url are both there',
      app(),
      { signal: 'HUP', url: 'http://127.0.0.1:80/', reload: 'signal' },
      { method: 'signal', signal: 'SIGHUP', processes: [] },
      'hotreload.dev/signal',
    ],
    ['reload: none', nginx(), { reload: 'none', signal: 'HUP' }, { method: 'none' }, 'hotreload.dev/reload'],
    ['reload: rollout', nginx(), { reload: 'rollout' }, { method: 'rollout' }, 'hotreload.dev/reload'],
    ['a preset that watches', nginx({ image: 'envoy' }), {}, { method: 'none' }, 'preset envoy'],
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

  test('an unknown program is never signalled: it rolls out, and a warning names the ways out', () =>
    expect(methodOf(app(), {})).toEqual({
      reload: { method: 'rollout' },
      chosenBy: 'unknown program',
      messages: [],
      notes: [
        'container api: no known way to reload it; changes roll out. Choose hotreload.dev/preset, signal or url',
      ],
    }))
})

describe('what does not fit is denied', () => {
  test.each<[what: string, container: V1Container, short: Record<string, string>, message: string]>([
    [
      'reload: signal without one',
      app(),
      { reload: 'signal' },
      'hotreload.dev/reload: signal, but container api has none; set hotreload.dev/signal, e.g. SIGHUP, if the program reloads on it [HR_NO_SIGNAL]',
    ],
    [
      'a process without a signal',
      app(),
      { process: 'api' },
      'hotreload.dev/process: container api has no signal to send',
    ],
    [
      'reload: http without a URL',
      nginx(),
      { reload: 'http' },
      'hotreload.dev/reload: http, but container web has no URL; set hotreload.dev/url to http://127.0.0.1:PORT/PATH [HR_NO_URL]',
    ],
    [
      'signal and url',
      app(),
      { signal: 'HUP', url: 'http://127.0.0.1:1/' },
      'hotreload.dev/signal and hotreload.dev/url are both set for container api; say which with hotreload.dev/reload [HR_TWO_WAYS]',
    ],
  ])('%s', (_, container, short, message) => {
    const { messages } = methodOf(container, short)
    expect(messages).toHaveLength(1)
    expect(messages[0]).toContain(message)
  })
})

describe('a Pod that rules a method out', () => {
  test.each<
    [
      what: string,
      container: V1Container,
      short: Record<string, string>,
      spec: Partial<V1PodSpec>,
      note: string,
    ]
  >([
    [
      'an explicit shareProcessNamespace: false',
      nginx(),
      {},
      { shareProcessNamespace: false },
      'container web: shareProcessNamespace is false, so no signal can be sent; changes roll out, or use hotreload.dev/url',
    ],
    [
      'a program that must be PID 1',
      nginx({ command: ['/init'] }),
      { preset: 'nginx' },
      {},
      'container web: command /init must be PID 1, so processes are not shared; use hotreload.dev/url or reload: probe',
    ],
    [
      'the network of the node',
      nginx(),
      { url: 'http://127.0.0.1:80/' },
      { hostNetwork: true },
      'container web: hostNetwork is true, so http://127.0.0.1 is the node; changes roll out',
    ],
  ])('%s', (_, container, short, spec, note) => {
    const { reload, notes, messages } = methodOf(container, short, spec)
    expect(reload).toEqual({ method: 'rollout' })
    expect(notes).toContain(note)
    expect(messages).toEqual([])
  })

  test('a program that must be PID 1 in another container is named', () => {
    const spec = podSpec({
      containers: [nginx(), { name: 's6', image: 'example.org/s6', command: ['/init'] }],
    })
    expect(decisionFor(spec).notes).toEqual([
      'container s6: command /init must be PID 1, so processes are not shared; use hotreload.dev/url or reload: probe',
    ])
  })

  test('a URL needs no shared processes', () => {
    const url = { url: 'http://127.0.0.1:80/' }
    expect(methodOf(nginx(), url, { shareProcessNamespace: false }).reload?.method).toBe('http')
    expect(methodOf(nginx({ command: ['/init'] }), url).reload?.method).toBe('http')
  })

  test('where processes are shared already, /init has come to terms with it', () =>
    expect(
      methodOf(nginx({ command: ['/init'] }), { preset: 'nginx' }, { shareProcessNamespace: true }).reload
        ?.method,
    ).toBe('signal'))
})
