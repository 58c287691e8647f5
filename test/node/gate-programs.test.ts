// The gate with programs that reload by a signal, a URL or a command. The tests run beside each other.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { V1Pod } from '@kubernetes/client-node'
import { beforeAll, describe, expect, test } from 'vitest'
import { processesOf } from '../support/container-process.ts'
import { settled, startTestController } from '../support/controller.ts'
import { annotated, killed, nameOf, reaches, refusalsIn, seenBy } from '../support/gated-pods.ts'
import {
  imageReference,
  images,
  manifest,
  type Namespace,
  namespace,
  tryKubectl,
  until,
} from '../support/kube.ts'
import {
  agentStatus,
  configMap,
  configMapVolume,
  deployment,
  edit,
  nudge,
  serves,
} from '../support/reload.ts'
import { type Webhook, webhook } from '../support/webhook.ts'

let hook: Webhook
beforeAll(async () => {
  await images('nginx', 'haproxy', 'prometheus', 'reader', 'hotreload-agent')
  hook = await webhook()
})

const mount = (name: string, mountPath: string, more: object = {}) => ({ name, mountPath, ...more })

async function podOf(ns: Namespace, app: string): Promise<V1Pod> {
  const [pod] = await ns.podsReady(`app=${app}`)
  if (!pod) throw new Error('no Pod')
  return pod
}

const frontend = (text: string) => ({
  'haproxy.cfg': `global
 stats timeout 30s
defaults
 mode http
 timeout connect 1s
 timeout client 5s
 timeout server 5s
frontend f
 bind :8080
 http-request return status 200 content-type text/plain string ${text}
`,
})
const labels = (text: string) => ({ 'prometheus.yml': `global: {external_labels: {version: ${text}}}\n` })

describe.concurrent('with a gate', () => {
  test.each([
    {
      program: 'haproxy' as const,
      mountPath: '/etc/haproxy',
      command: ['haproxy', '-W', '-db', '-f', '/etc/haproxy/haproxy.cfg'],
      data: frontend,
      bad: { 'haproxy.cfg': 'no_such_section\n' },
      shows: async (ns: Namespace, pod: V1Pod) => (await ns.fetch(pod, '/', 8080)).body,
    },
    {
      program: 'prometheus' as const,
      mountPath: '/etc/prometheus',
      command: [
        'prometheus',
        '--config.file=/etc/prometheus/prometheus.yml',
        '--storage.tsdb.path=/prometheus',
      ],
      data: labels,
      bad: { 'prometheus.yml': 'no_such_field: 1\n' },
      shows: async (ns: Namespace, pod: V1Pod) =>
        /version: (\w+)/.exec((await ns.fetch(pod, '/api/v1/status/config', 9090)).body)?.[1],
    },
  ])('$program is judged by its own test', async ({ program, mountPath, command, data, bad, shows }) => {
    const ns = await hook.namespace()
    const container = { image: imageReference(program), command, volumeMounts: [mount('conf', mountPath)] }
    await ns.apply([
      configMap('conf', data('one')),
      deployment(container, [configMapVolume('conf')], {
        annotations: annotated({ gate: 'strict', validate: 'preset' }),
      }),
    ])
    const pod = await podOf(ns, 'web')
    const has = (text: string) =>
      until(`${program} has ${text}`, async () => (await shows(ns, pod).catch(() => '')) === text)
    await has('one')
    await edit(ns, 'conf', data('two'), [pod])
    await has('two')
    await edit(ns, 'conf', bad, [pod])
    await reaches(ns, pod, 'held')
    await killed(ns, pod, 'web')
    await has('two')
  })

  test('a reload command works after a publish and after a refusal, edits are judged together, and nothing else waits for a refused one', async () => {
    const ns = await hook.namespace()
    // One names a variable, the other sets it: nginx refuses either alone where the name is another.
    const main = (variable: string) => ({
      'nginx.conf': `pid /shared/nginx.pid;
events {}
http {
  include /etc/more/*.conf;
  server { listen 8080; location / { return 200 $${variable}; } location /tls/ { alias /etc/tls/; } }
}
`,
    })
    const more = (variable: string, text: string) => ({
      'more.conf': `map $host $${variable} { default ${text}; }\n`,
    })
    const secret = (key: string) => ({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'tls' },
      stringData: { key },
    })
    const sources = [{ configMap: { name: 'plain' } }, { serviceAccountToken: { path: 'token' } }]
    const projected = { name: 'projected', projected: { sources } }
    const web = (file: string, template: Readonly<Record<string, string>> = {}) => {
      const container = {
        image: imageReference('nginx'),
        command: ['nginx', '-c', file, '-g', 'daemon off;'],
        volumeMounts: [
          mount('conf', '/etc/app'),
          mount('more', '/etc/more'),
          mount('tls', '/etc/tls'),
          mount('projected', '/etc/projected'),
          mount('shared', '/shared'),
        ],
      }
      const volumes = [
        configMapVolume('conf'),
        configMapVolume('more'),
        { name: 'tls', secret: { secretName: 'tls', defaultMode: 0o444 } },
        projected,
        { name: 'shared', emptyDir: {} },
      ]
      const annotations = annotated({
        gate: 'publish',
        validate: 'preset',
        command: `nginx -c ${file} -s reload`,
      })
      const workload = deployment(container, volumes, { annotations })
      Object.assign(workload.spec.template.metadata, { annotations: template })
      return workload
    }
    // The command line names a file that no gated volume has: its test would pass everything.
    await expect(ns.apply(web('/etc/nginx/nginx.conf'))).rejects.toThrow('HR_NO_PRESET_VALIDATOR')
    const file = '/etc/app/nginx.conf'
    const dryRun = ['apply', '--dry-run=server', '--filename=-', `--namespace=${ns.name}`]
    const { stderr } = await tryKubectl(dryRun, JSON.stringify(web(file, { 'checksum/conf': '1' })))
    expect(stderr).toContain('Warning: set hotreload.dev/chart-checksum: freeze')

    await ns.apply([
      configMap('conf', main('a')),
      configMap('more', more('a', 'one')),
      configMap('plain', { key: 'one' }),
      secret('one'),
      web(file),
    ])
    const pod = await podOf(ns, 'web')
    const key = async () => (await ns.fetch(pod, '/tls/key', 8080)).body
    const reloads = async () => (await agentStatus(ns, pod)).counters.reloaded
    await serves(ns, pod, 'one')
    const projectedMounts = pod.spec?.containers[0]?.volumeMounts?.filter(({ name }) => name === 'projected')
    expect(projectedMounts).toEqual([expect.objectContaining({ mountPath: '/etc/projected' })])
    expect(projectedMounts?.[0]?.subPath).toBeUndefined()
    const replace = (...objects: object[]) => ns.kubectl(['replace', '-f', '-'], manifest(objects))
    await replace(configMap('conf', main('b')), configMap('more', more('b', 'two')))
    await nudge(ns, [pod])
    await serves(ns, pod, 'two')
    await until('one reload', async () => (await reloads()) === 1)

    await replace(configMap('conf', { 'nginx.conf': 'bad;\n' }), configMap('more', more('b', 'three')))
    await nudge(ns, [pod])
    await serves(ns, pod, 'three')
    await reaches(ns, pod, 'held')
    const before = await reloads()
    await ns.apply(secret('two'))
    await edit(ns, 'plain', { key: 'two' }, [pod])
    await until('the renewed Secret is there', async () => (await key()) === 'two')
    await until('the command has succeeded again', async () => (await reloads()) > before)
    const plain = seenBy(pod, 'web', '/etc/projected')
    await until('the other ConfigMap is there', () => readFileSync(join(plain, 'key'), 'utf8') === 'two')
    expect(readFileSync(join(plain, 'token'), 'utf8')).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/)
    await reaches(ns, pod, 'held')
    await serves(ns, pod, 'three')
  })

  test('subPath files keep what is published, and Events name what is held and who is stuck', async ({
    onTestFinished,
  }) => {
    const [own, ns] = [await namespace(), await hook.namespace()]
    const places = { symlink: '/etc/reader/config', copy: '/config' }
    const workloads = Object.entries(places).map(([name, path]) => {
      const mounts = [mount('conf', path, { subPath: 'config' })]
      const container = { image: imageReference('reader'), args: [path, '8080'], volumeMounts: mounts }
      const annotations = annotated({
        gate: 'strict',
        validate: `/reader --check ${path}`,
        signal: 'HUP',
        subpath: name,
      })
      return deployment(container, [configMapVolume('conf')], { name, annotations })
    })
    await ns.apply([configMap('conf', { config: 'one' }), ...workloads])
    const pods = [await podOf(ns, 'symlink'), await podOf(ns, 'copy')] as const
    for (const pod of pods) await serves(ns, pod, 'one')
    const controller = await startTestController(own.name, { only: [ns.name] })
    onTestFinished(() => controller.stop())
    await settled(controller)
    const appOf = (pod: V1Pod) => pod.metadata?.labels?.['app'] ?? ''
    const event = (reason: string, name: string) =>
      until(
        `${reason} of ${name}`,
        () => controller.events.find((one) => one.reason === reason && one.name === name),
        300_000,
      )
    await ns.apply(configMap('conf', { config: 'bad' }))
    for (const pod of pods) {
      const { message } = await event('ConfigurationHeld', appOf(pod))
      expect(message).toMatch(/validate exited with code 1; the program keeps what is published/)
      // The first refusal may be of a moment.
      expect(await refusalsIn(ns, pod)).toBeGreaterThan(1)
    }
    for (const pod of pods) {
      await killed(ns, pod, appOf(pod))
      await serves(ns, pod, 'one')
    }

    const [stopped, other] = [await podOf(ns, 'symlink'), await podOf(ns, 'copy')]
    const agents = processesOf(stopped, 'hotreload-agent')
    for (const pid of agents) process.kill(pid, 'SIGSTOP')
    onTestFinished(() => agents.forEach((pid) => process.kill(pid, 'SIGCONT')))
    await ns.apply(configMap('conf', { config: 'two' }))
    await serves(ns, other, 'two')
    expect((await event('GateStuck', 'symlink')).message).toContain(nameOf(stopped))
    expect((await ns.fetch(stopped, '/', 8080)).body).toBe('one')
    for (const pid of agents) process.kill(pid, 'SIGCONT')
    await serves(ns, stopped, 'two')
    expect(controller.events.filter(({ reason }) => reason === 'GateStuck')).toHaveLength(1)
  })
})
