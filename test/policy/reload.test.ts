import type { V1Container, V1PodSpec } from '@kubernetes/client-node'
import { describe, expect, test } from 'vitest'
import { decisionFor, nginx, podSpec } from '../support/builders.ts'

/** The reload of the first container, and its notes and problems. */
function methodOf(container: V1Container, short: Record<string, string>, spec: Partial<V1PodSpec> = {}) {
  const { plan, messages, notes } = decisionFor(podSpec({ containers: [container], ...spec }), short)
  const [first] = plan.containers
  return { reload: first?.reload, messages, notes }
}

describe('changes roll out because of', () => {
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
      'shareProcessNamespace: false',
      nginx(),
      {},
      { shareProcessNamespace: false },
      'container web: take shareProcessNamespace: false away, or use hotreload.dev/url or reload: probe; without shared processes no signal reaches it',
    ],
    [
      'a program that must be PID 1',
      nginx({ command: ['/init'] }),
      { preset: 'nginx' },
      {},
      'container web: command /init must be PID 1, so processes are not shared; use hotreload.dev/url or reload: probe',
    ],
    [
      'an image whose /init must be PID 1',
      nginx({ image: 'lscr.io/linuxserver/nginx:1.26' }),
      {},
      {},
      "container web: the image's /init must be PID 1, so processes are not shared; use hotreload.dev/url or reload: probe",
    ],
    [
      'hostNetwork: true',
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

  test('a program in another container that must be PID 1, which is named', () => {
    const spec = podSpec({
      containers: [nginx(), { name: 's6', image: 'example.org/s6', command: ['/init'] }],
    })
    expect(decisionFor(spec).notes).toEqual([
      'container s6: command /init must be PID 1, so processes are not shared; use hotreload.dev/url or reload: probe',
    ])
  })

  test.each([
    ['ghcr.io/hotio/sonarr', true],
    ['homeassistant/home-assistant:2026.1', true],
    ['ghcr.io/home-assistant/home-assistant@sha256:ab', true],
    ['jc21/nginx-proxy-manager', true],
    ['linuxserver-like/app', false],
    ['example.org/app:linuxserver', false],
  ])('image %s beside it: %s', (image, isFirst) => {
    const { plan } = decisionFor(podSpec({ containers: [nginx(), { name: 's6', image }] }))
    expect(plan.containers[0]?.reload.method).toBe(isFirst ? 'rollout' : 'signal')
  })

  test('nothing if a command takes the place of the entry point that must be PID 1', () => {
    const { plan } = decisionFor(
      podSpec({ containers: [nginx({ image: 'linuxserver/nginx', command: ['nginx'] })] }),
    )
    expect(plan.shareProcessNamespace).toBe(true)
  })

  test('nothing if the method is a URL, which needs no shared processes', () => {
    const url = { url: 'http://127.0.0.1:80/' }
    expect(methodOf(nginx(), url, { shareProcessNamespace: false }).reload?.method).toBe('http')
    expect(methodOf(nginx({ command: ['/init'] }), url).reload?.method).toBe('http')
  })

  test('nothing if processes are shared already, so that /init accepts it', () =>
    expect(
      methodOf(nginx({ command: ['/init'] }), { preset: 'nginx' }, { shareProcessNamespace: true }).reload
        ?.method,
    ).toBe('signal'))
})
