// Which volumes have a gate, and what judges them.
import type { V1Container, V1PodSpec, V1Volume } from '@kubernetes/client-node'
import { describe, expect, test } from 'vitest'
import { builtInDefaults } from '../../src/policy/defaults.ts'
import { readWorkload } from '../../src/policy/read-workload.ts'
import { GATED_MOUNTS, MOUNT_POINTS } from '../../src/policy/values/bounds.ts'
import { decisionFor, keys, nginx, podSpec } from '../support/builders.ts'
import { times } from '../support/nasty-objects.ts'

const strict = { gate: 'strict', validate: 'nginx -t' }
const planOf = (spec: V1PodSpec, short: Record<string, string>) => {
  const { plan, problems } = decisionFor(spec, short)
  const [own] = plan.containers
  return { ...own, problems: problems.map(({ message }) => message) }
}
const mount = (name: string, mountPath = `/etc/nginx/${name}`) => ({ name, mountPath })

test('without the annotation, or with off, there is none', () => {
  for (const short of [{}, { gate: 'off' }, { validate: 'nginx -t' }, { gate: 'off', validate: 'nginx -t' }])
    expect(planOf(podSpec(), short)).toMatchObject({ problems: [] })
  expect(planOf(podSpec(), { validate: 'nginx -t' }).gate).toBeUndefined()
})

test('a gate without a validator is denied', () =>
  expect(planOf(podSpec(), { gate: 'publish' }).problems).toEqual([
    'hotreload.dev/gate: publish, but container web has no command that judges its configuration; set hotreload.dev/validate, e.g. to preset or to a command [HR_NO_VALIDATOR]',
  ]))

describe('has a gate', () => {
  const volumes: [V1Volume, boolean][] = [
    [{ name: 'conf', configMap: { name: 'web' } }, true],
    [{ name: 'one', projected: { sources: [{ configMap: { name: 'one' } }] } }, true],
    [{ name: 'tls', secret: { secretName: 'tls' } }, false],
    [
      {
        name: 'token',
        projected: { sources: [{ configMap: { name: 'x' } }, { serviceAccountToken: { path: 'token' } }] },
      },
      false,
    ],
  ]
  const spec = podSpec({
    volumes: volumes.map(([volume]) => volume),
    containers: [nginx({ volumeMounts: volumes.map(([{ name }]) => mount(name)) })],
  })

  test('a volume of exactly one ConfigMap', () => {
    const { gate, notes = [] } = planOf(spec, strict)
    expect([...(gate?.volumes ?? [])]).toEqual(volumes.filter(([, is]) => is).map(([{ name }]) => name))
    expect(notes).toEqual([
      { text: 'container web: volume tls has no gate: it is not of exactly one ConfigMap', warn: false },
      { text: 'container web: volume token has no gate: it is not of exactly one ConfigMap', warn: true },
    ])
  })

  test.each<[string, V1PodSpec, Record<string, string>, boolean, RegExp]>([
    [
      'a program whose changes roll out',
      podSpec({ containers: [nginx({ image: 'redis' })] }),
      {},
      false,
      /roll out/,
    ],
    [
      'supervise',
      podSpec({ containers: [nginx({ command: ['app'] })] }),
      { reload: 'supervise' },
      false,
      /no agent beside the program/,
    ],
    ['a bare Pod', podSpec(), {}, true, /bare Pod/],
    [
      'a mountPath with a colon',
      podSpec({ containers: [nginx({ volumeMounts: [mount('conf'), mount('other', '/etc/a:b')] })] }),
      {},
      false,
      /a mountPath with a colon/,
    ],
    [
      'mounts at many paths',
      podSpec({
        containers: [nginx({ volumeMounts: times(GATED_MOUNTS + 1, (at) => mount('conf', `/${at}`)) })],
      }),
      {},
      false,
      /more than 64 paths/,
    ],
    [
      'subPath mounts of many volumes',
      podSpec({
        containers: [
          nginx({
            volumeMounts: times(GATED_MOUNTS + 1, (at) => ({ ...mount(`v${at}`, `/${at}`), subPath: 'a' })),
          }),
        ],
        volumes: times(GATED_MOUNTS + 1, (at) => ({ name: `v${at}`, configMap: { name: 'web' } })),
      }),
      {},
      false,
      /more than 64 paths/,
    ],
    [
      'mounts with many others below',
      podSpec({
        containers: [
          nginx({
            volumeMounts: [
              mount('conf', '/etc'),
              ...times(MOUNT_POINTS + 1, (at) => mount('data', `/etc/${at}`)),
            ],
          }),
        ],
      }),
      {},
      false,
      /more than 256 mounts are below/,
    ],
    ['a Job', podSpec({ restartPolicy: 'Never' }), {}, false, /restartPolicy is Never/],
  ])('nothing of %s, with a warning', (_, of, more, bare, why) => {
    const { plan } = decisionFor(of, { ...strict, ...more }, { bare })
    expect(plan.containers[0]?.gate).toBeUndefined()
    expect(plan.containers[0]?.notes.filter(({ text, warn }) => warn && why.test(text))).toHaveLength(1)
  })

  test('a bare Pod has none in a manifest either, though its mounts may change there', () => {
    const bare = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { annotations: keys({ inject: 'true', ...strict }) },
    }
    const { plan, notes } = readWorkload({ ...bare, spec: podSpec() }, builtInDefaults, undefined, true)
    expect(plan.keepsMounts).toBe(false)
    expect(plan.containers[0]?.gate).toBeUndefined()
    expect(notes).toEqual(['container web: no gate: it is in a bare Pod'])
    const { notes: ofWebhook } = readWorkload({ ...bare, spec: podSpec() }, builtInDefaults)
    expect(ofWebhook).toEqual(notes)
  })

  test('a program that watches its files, which then has an agent', () => {
    const plan = planOf(podSpec(), { ...strict, reload: 'none' })
    expect(plan).toMatchObject({ agent: true, gate: { mode: 'strict' } })
  })
})

describe('a ConfigMap that others use, too', () => {
  const other: V1Container = { name: 'other', image: 'nginx', volumeMounts: [mount('conf', '/conf')] }
  const short = { 'gate.web': 'strict', 'validate.web': 'nginx -t' }

  test('is named, because they see each edit at once', () => {
    const env = [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'web', key: 'a' } } }]
    const { plan } = decisionFor(podSpec({ containers: [nginx({ env }), other] }), short)
    expect(plan.notes.filter(({ warn }) => warn).map(({ text }) => text)).toEqual([
      'ConfigMap web has a gate, and container web sees each edit of it at once (env)',
      'ConfigMap web has a gate, and container other sees each edit of it at once (/conf)',
    ])
  })

  test.each([false, true])(
    'has one judge where two gated containers mount it (a trial of the other: %s)',
    (warn) => {
      const two = { ...strict, ...(warn ? { 'bake.other': '60s' } : {}) }
      const { plan } = decisionFor(podSpec({ containers: [nginx(), other] }), two)
      const inVain = warn ? '; hotreload.dev/bake of this container has no effect on it' : ''
      const text = `container other: container web judges volume conf${inVain}`
      expect(plan.notes.find((note) => note.text === text)).toEqual({ text, warn })
    },
  )

  test('has no gate where it needs new Pods anyway', () => {
    const { plan } = decisionFor(podSpec({ initContainers: [{ ...other, name: 'init' }] }), strict)
    expect(plan.containers[0]?.gate).toBeUndefined()
    expect(plan.containers[0]?.notes.map(({ text }) => text).join()).toContain('no gate: ')
  })
})

describe('validate: preset', () => {
  const preset = { gate: 'publish', validate: 'preset', signal: 'SIGHUP' }
  const at = (container: Partial<V1Container>, mountPath: string) =>
    planOf(
      podSpec({ containers: [nginx({ ...container, volumeMounts: [mount('conf', mountPath)] })] }),
      preset,
    )

  test.each<[Partial<V1Container>, string, string]>([
    [{}, '/etc/nginx/conf.d', 'nginx -t'],
    [{}, 'etc/nginx/conf.d', 'nginx -t'],
    [
      { command: ['nginx', '-g', 'daemon off;', '-c', '/conf/n.conf'] },
      '/conf',
      'nginx -t -g daemon off; -c /conf/n.conf',
    ],
    [
      { args: ['nginx', '-c/conf/n.conf'], command: ['docker-entrypoint.sh'] },
      '/conf',
      'nginx -t -c /conf/n.conf',
    ],
    [{ image: 'haproxy' }, '/usr/local/etc/haproxy', 'haproxy -c -f /usr/local/etc/haproxy/haproxy.cfg'],
    [
      { image: 'haproxy', command: ['haproxy', '-W', '-f', '/a/a.cfg', '-f', '/b'] },
      '/b',
      'haproxy -c -f /a/a.cfg -f /b',
    ],
    [{ command: ['sh', '-c', 'exec nginx -c /conf/n.conf'] }, '/conf', 'nginx -t -c /conf/n.conf'],
    [{ image: 'httpd' }, '/usr/local/apache2/conf', 'httpd -t'],
    [{ image: 'bind9', command: ['named', '-f', '-c', '/b/n.conf'] }, '/b', 'named-checkconf -z /b/n.conf'],
    [{ image: 'prom/prometheus' }, '/etc/prometheus', 'promtool check config /etc/prometheus/prometheus.yml'],
    [
      { image: 'prom/prometheus', args: ['--agent', '--config.file=/p/p.yml'] },
      '/p',
      'promtool check config --agent /p/p.yml',
    ],
    [
      { image: 'prom/alertmanager', args: ['--config.file', '/a/a.yml'] },
      '/a',
      'amtool check-config /a/a.yml',
    ],
  ])('of %j at %s is %s', (container, mountPath, words) => {
    const { problems, validate } = at(container, mountPath)
    expect({ problems, validate: validate?.join(' ') }).toEqual({ problems: [], validate: words })
  })

  test.each<[string, Partial<V1Container>, string]>([
    ['a file elsewhere', { command: ['nginx', '-c', '/conf/n.conf'] }, '/etc/nginx/conf.d'],
    ['a relative file', { command: ['nginx', '-c', 'n.conf'] }, '/etc/nginx/conf.d'],
    ['a variable', { command: ['nginx', '-c', '$(CONF)'] }, '/etc/nginx/conf.d'],
    ['a flag without its value', { command: ['nginx', '-c'] }, '/etc/nginx/conf.d'],
    ['a variable elsewhere', { command: ['nginx', '-g', 'worker_processes $(N);'] }, '/etc/nginx/conf.d'],
    ['a quoted word', { command: ['sh', '-c', "exec nginx -g 'daemon off;'"] }, '/etc/nginx/conf.d'],
    ['a variable of a shell', { command: ['sh', '-c', 'exec nginx -c $CONF'] }, '/etc/nginx/conf.d'],
    ['a script', { command: ['sh', '-c', 'render; nginx'] }, '/etc/nginx/conf.d'],
    ['haproxy without a file', { image: 'haproxy', args: ['-W'] }, '/usr/local/etc/haproxy'],
    ['named in a directory of its own', { image: 'bind9', command: ['named', '-t', '/j'] }, '/etc/bind'],
    ['prometheus with other arguments', { image: 'prom/prometheus', args: ['--agent'] }, '/etc/prometheus'],
    ['a program without a test', { image: 'squid' }, '/etc/squid'],
    ['an unknown program', { image: 'example.org/app' }, '/etc/app'],
  ])('is denied for %s', (_, container, mountPath) => {
    const { problems } = at(container, mountPath)
    expect(problems).toEqual([expect.stringContaining('[HR_NO_PRESET_VALIDATOR]')])
  })

  test('works without a gate, too', () =>
    expect(planOf(podSpec(), { validate: 'preset' })).toMatchObject({
      problems: [],
      validate: ['nginx', '-t'],
    }))
})
