import type { V1Container } from '@kubernetes/client-node'
import { describe, expect, test } from 'vitest'
import type { PresetName } from '../../../src/policy/presets/presets.ts'
import { recognise, resembled, withoutWrappers } from '../../../src/policy/presets/recognise.ts'
import { decisionFor, nginx, podSpec } from '../../support/builders.ts'

const container = (image: string, command?: string[], args?: string[]): V1Container => ({
  name: 'web',
  image,
  ...(command ? { command } : {}),
  ...(args ? { args } : {}),
})
const recognised = (one: V1Container) => recognise(withoutWrappers(one))

test.each<[image: string, command: string[] | undefined, preset: PresetName | undefined]>([
  ['nginx', undefined, 'nginx'],
  ['nginx:1.27-alpine', undefined, 'nginx'],
  ['registry:5000/team/nginx:1.27@sha256:abcd', undefined, 'nginx'],
  ['docker.io/bitnami/nginx@sha256:abcd', undefined, 'nginx'],
  ['haproxy:3.0', undefined, 'haproxy'],
  ['quay.io/prometheus/prometheus:v3', undefined, 'prometheus'],
  ['example.org/app', ['/usr/sbin/nginx', '-g', 'daemon off;'], 'nginx'],
  ['example.org/app', ['nginx'], 'nginx'],
  // A variant of the image is the same program.
  ['nginxinc/nginx-unprivileged', undefined, 'nginx'],
  ['haproxytech/haproxy-alpine:3.0.2', undefined, 'haproxy'],
  ['goharbor/nginx-photon:v2.13.0', undefined, 'nginx'],
  ['registry.k8s.io/nginx-slim:0.24', undefined, 'nginx'],
  ['goharbor/harbor-portal:v2.13.0', undefined, 'nginx'],
  // Docker's official images of PHP name the server in their tag.
  ['php:8.3-fpm', undefined, 'php-fpm'],
  ['php:8.3-fpm-alpine@sha256:abcd', undefined, 'php-fpm'],
  ['nextcloud:31-fpm', undefined, 'php-fpm'],
  ['registry:5000/wordpress:6-php8.3-fpm', undefined, 'php-fpm'],
  ['php:8.3-apache', undefined, undefined],
  ['php:8.3-cli', undefined, undefined],
  ['php:8.3-fpmx', undefined, undefined],
  // A name that says little counts with its owner's.
  ['registry.k8s.io/ingress-nginx/controller:v1.15.1@sha256:abcd', undefined, 'ingress-nginx'],
  ['cr.l5d.io/linkerd/controller:edge', undefined, 'linkerd'],
  ['metallb/controller', undefined, undefined],
  ['controller', undefined, undefined],
  ['linkerd/controller', ['/linkerd-policy-controller'], undefined],
  // Exact but for the variant: a part of the name is another program's.
  ['nginx/nginx-prometheus-exporter', undefined, undefined],
  ['nginx-ingress-operator', undefined, undefined],
  ['redis_exporter', undefined, undefined],
  ['example.org/nginx/app', undefined, undefined],
  ['my-nginx', undefined, undefined],
  ['alpine-nginx', undefined, undefined],
  ['NGINX', undefined, undefined],
  // The command, not the image, says what runs.
  ['nginx', ['/bin/sh', '-c', 'nginx'], undefined],
  ['nginx', ['nginx-debug'], undefined],
  ['php:8.3-fpm', ['php', 'worker.php'], undefined],
  ['', undefined, undefined],
  ['constructor', undefined, undefined],
  ['x', ['constructor'], undefined],
])('image %j, command %j: %s', (image, command, preset) =>
  expect(recognised(container(image, command))).toBe(preset),
)

describe('wrappers are looked through', () => {
  test.each<[command: string[], args: string[], words: string[]]>([
    [
      ['docker-entrypoint.sh', 'postgres'],
      ['-c', 'x=1'],
      ['postgres', '-c', 'x=1'],
    ],
    [['/usr/local/bin/docker-entrypoint.sh'], ['postgres'], ['postgres']],
    [['dumb-init', 'nginx', '-g', 'daemon off;'], [], ['nginx', '-g', 'daemon off;']],
    [
      ['/usr/bin/dumb-init', '--single-child', '--'],
      ['pgbouncer', '/p.ini'],
      ['pgbouncer', '/p.ini'],
    ],
    [['dumb-init', '--rewrite', '15:3', 'nginx'], [], ['nginx']],
    [['/sbin/tini', '-g', '-p', 'SIGTERM', '--', 'nginx'], [], ['nginx']],
    [['tini', '--', 'docker-entrypoint.sh', 'gosu', 'redis', 'redis-server'], [], ['redis-server']],
    [['sh', '-c', 'exec nginx -g "daemon off;"'], [], ['nginx', '-g', 'daemon', 'off;']],
    [
      ['/bin/bash', '-ec'],
      ['  exec /bin/prometheus \\\n  --web.enable-lifecycle\n'],
      ['/bin/prometheus', '--web.enable-lifecycle'],
    ],
    [['bash', '-e', '-o', 'pipefail', '-c', 'exec haproxy -W'], [], ['haproxy', '-W']],
  ])('%j %j', (command, args, words) => {
    const { command: found = [], args: rest = [] } = withoutWrappers(container('app', command, args))
    expect([...found, ...rest]).toEqual(words)
  })

  test.each<[command: string[], args: string[]]>([
    [['nginx', '-g', 'daemon off;'], []],
    [['sh', '-c', 'envsubst </t >/etc/nginx/nginx.conf; exec nginx'], []],
    [['sh', '-c', 'nginx'], []],
    [['sh', '/start.sh', '-c', 'exec nginx'], []],
    [['sh', '-c', `exec nginx ${'x'.repeat(5000)}`], []],
    [['bash', '--norc'], []],
    [['env', 'A=1', 'nginx'], []],
  ])('nothing of %j %j', (command, args) => {
    const one = container('app', command, args)
    expect(withoutWrappers(one)).toBe(one)
  })

  test.each([
    [['docker-entrypoint.sh'], []],
    [['docker-entrypoint.sh'], ['-c', 'config_file=/etc/p.conf']],
  ])("an entry point without a program starts the image's: %j %j", (command, args) => {
    const one = withoutWrappers(container('postgres:17', command, args))
    expect([recognise(one), one.args]).toEqual(['postgresql', args])
  })

  test('a hundred wrappers are looked through in part only', () =>
    expect(recognised(container('x', [...Array<string>(100).fill('tini'), 'nginx']))).toBeUndefined())

  test('the arguments behind a wrapper decide, as without it', () => {
    const command = ['sh', '-c', 'exec prometheus --web.enable-lifecycle --web.route-prefix="/p"']
    const { plan } = decisionFor(podSpec({ containers: [nginx({ command })] }))
    expect(plan.containers[0]?.reload).toMatchObject({ url: 'http://127.0.0.1:9090/p/-/reload' })
  })
})

describe('an image that may run a known program', () => {
  test.each<[image: string, preset: PresetName | undefined]>([
    ['shop/my-nginx:1', 'nginx'],
    ['haproxy-lua', 'haproxy'],
    ['Custom_HAProxy', 'haproxy'],
    ['our-opentelemetry-collector-contrib', 'opentelemetry-collector'],
    ['bitnami/postgresql-repmgr', 'postgresql'],
    ['nginx', 'nginx'],
    ['nginx-prometheus-exporter', undefined],
    ['prometheus-operator', undefined],
    ['nginx-ingress-operator', undefined],
    ['team/nginxx', undefined],
    ['api', undefined],
    [`${'a-'.repeat(100)}nginx`, undefined],
    ['', undefined],
  ])('%s: %s', (image, preset) => expect(resembled(container(image))).toBe(preset))

  test('gets a warning that names the annotation, and nothing is signalled', () => {
    const { plan, notes } = decisionFor(podSpec({ containers: [nginx({ image: 'shop/my-nginx' })] }))
    expect(plan.containers[0]).toMatchObject({ reload: { method: 'rollout' }, chosenBy: 'unknown program' })
    expect(notes).toEqual([
      'container web: set hotreload.dev/preset: nginx if it is nginx, which it looks like; no way to reload its program is known',
    ])
  })

  test("the annotation has the container's suffix where the Pod has others", () => {
    const spec = podSpec({
      containers: [
        { name: 'web', image: 'nginx' },
        nginx({ name: 'proxy', image: 'nginx', command: ['/start.sh'] }),
      ],
    })
    expect(decisionFor(spec).notes).toEqual([
      'container proxy: set hotreload.dev/preset.proxy: nginx if it is nginx, which it looks like; no way to reload its program is known',
    ])
  })
})
