import { describe, expect, test } from 'vitest'
import { type PresetName, presetReload, presets, recognise } from '../../src/policy/presets.ts'

const container = (image: string, command?: string[], args?: string[]) => ({
  name: 'web',
  image,
  ...(command ? { command } : {}),
  ...(args ? { args } : {}),
})

describe('recognise', () => {
  test.each<[image: string, command: string[] | undefined, preset: PresetName | undefined]>([
    ['nginx', undefined, 'nginx'],
    ['nginx:1.27-alpine', undefined, 'nginx'],
    ['registry:5000/team/nginx:1.27@sha256:abcd', undefined, 'nginx'],
    ['docker.io/bitnami/nginx@sha256:abcd', undefined, 'nginx'],
    ['nginxinc/nginx-unprivileged', undefined, 'nginx'],
    ['haproxy:3.0', undefined, 'haproxy'],
    ['quay.io/prometheus/prometheus:v3', undefined, 'prometheus'],
    ['example.org/app', ['/usr/sbin/nginx', '-g', 'daemon off;'], 'nginx'],
    ['example.org/app', ['nginx'], 'nginx'],
    // Exact: never by a part of the name, which is another program's.
    ['nginx/nginx-prometheus-exporter', undefined, undefined],
    ['nginx-ingress-controller', undefined, undefined],
    ['redis_exporter', undefined, undefined],
    ['example.org/nginx/app', undefined, undefined],
    ['my-nginx', undefined, undefined],
    ['NGINX', undefined, undefined],
    // The command, not the image, says what runs.
    ['nginx', ['/bin/sh', '-c', 'nginx'], undefined],
    ['nginx', ['nginx-debug'], undefined],
    ['', undefined, undefined],
    ['constructor', undefined, undefined],
  ])('image %j, command %j: %s', (image, command, preset) =>
    expect(recognise(container(image, command))).toBe(preset),
  )

  test('no name belongs to two presets', () => {
    const names = Object.values(presets).flatMap((preset): readonly string[] => preset.names)
    expect(names.toSorted()).toEqual([...new Set(names)].toSorted())
  })
})

describe('where arguments decide', () => {
  test.each<[preset: PresetName, args: string[], way: string]>([
    ['prometheus', ['--config.file=/etc/p.yml'], 'signal SIGHUP'],
    ['prometheus', ['--web.enable-lifecycle'], 'POST http://127.0.0.1:9090/-/reload'],
    ['prometheus', ['--web.enable-lifecycle=false'], 'signal SIGHUP'],
    ['prometheus', ['--web.enable-lifecycle', '--web.config.file=/web.yml'], 'signal SIGHUP'],
    [
      'prometheus',
      ['--web.enable-lifecycle', '--web.listen-address=:9091'],
      'POST http://127.0.0.1:9091/-/reload',
    ],
    [
      'prometheus',
      ['--web.enable-lifecycle', '--web.listen-address', '0.0.0.0:9092'],
      'POST http://127.0.0.1:9092/-/reload',
    ],
    [
      'prometheus',
      ['--web.enable-lifecycle', '--web.external-url=http://x.org/prom/'],
      'POST http://127.0.0.1:9090/prom/-/reload',
    ],
    [
      'prometheus',
      ['--web.enable-lifecycle', '--web.external-url=http://x.org/prom', '--web.route-prefix=/'],
      'POST http://127.0.0.1:9090/-/reload',
    ],
    ['prometheus', ['--web.enable-lifecycle', '--web.listen-address'], 'POST http://127.0.0.1:9090/-/reload'],
    ['alertmanager', [], 'POST http://127.0.0.1:9093/-/reload'],
    ['alertmanager', ['--web.route-prefix=/am'], 'POST http://127.0.0.1:9093/am/-/reload'],
    ['alertmanager', ['--web.config.file=/web.yml'], 'signal SIGHUP'],
    ['fluent-bit', [], 'rollout'],
    ['fluent-bit', ['-Y'], 'POST http://127.0.0.1:2020/api/v2/reload'],
    ['haproxy', [], 'signal SIGUSR2'],
  ])('%s %j: %s', (preset, args, way) => {
    const reload = presetReload(preset, container('x', undefined, args))
    const said =
      reload.way === 'signal'
        ? `signal ${reload.signal}`
        : reload.way === 'http'
          ? `${reload.method} ${reload.url}`
          : reload.way
    expect(said).toBe(way)
  })
})

test('haproxy is signalled only where it has a master process', () =>
  expect(presetReload('haproxy', container('haproxy'))).toEqual({
    way: 'signal',
    signal: 'SIGUSR2',
    processes: ['haproxy'],
    requireArguments: ['-W', '-Ws'],
  }))

test('a signal always has a process that is vouched for', () => {
  const ofNobody = (Object.keys(presets) as PresetName[]).filter((name) => {
    const reload = presetReload(name, container('x'))
    return reload.way === 'signal' && reload.processes.length === 0
  })
  expect(ofNobody).toEqual([])
})
