// Pods with a user namespace of their own (hostUsers: false): the kubelet gives the Pod 65,536 users of the node that nothing else has, and
// mounts its volumes with their numbers mapped. It needs containerd 2, runc 1.2, Linux 6.3, and a file system with mapped mounts.
import { readFileSync } from 'node:fs'
import type { V1Pod } from '@kubernetes/client-node'
import { beforeAll, expect, test } from 'vitest'
import { processesOf } from '../support/container-process.ts'
import { images, until } from '../support/kube.ts'
import {
  agentStatus,
  configMap,
  configMapVolume,
  deployment,
  edit,
  expectReloadedOnce,
  expectUntouched,
  nudge,
  serves,
} from '../support/reload.ts'
import { type Webhook, webhook } from '../support/webhook.ts'

const own = { hostUsers: false }
let [reader, nginx] = ['', '']
let hook: Webhook
beforeAll(async () => {
  ;[reader = '', nginx = ''] = await images('reader', 'nginx', 'hotreload-agent')
  hook = await webhook()
})

/** The user namespaces of a Pod's processes, by their mapping: first user, the node's user that it is, number of users. */
function mappings(pod: V1Pod): string[] {
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {}
  const pids = [...containerStatuses, ...initContainerStatuses].flatMap(({ name }) => processesOf(pod, name))
  expect(pids.length).toBeGreaterThan(containerStatuses.length)
  return pids.map((pid) => readFileSync(`/proc/${pid}/uid_map`, 'utf8').trim().replaceAll(/\s+/g, ' '))
}

test('programs reload a directory, a symlink and a copy, and their agents are in their user namespace', async () => {
  const ns = await hook.namespace()
  const container = (name: string, file: string, port: number, mount: object, more: object = {}) => ({
    name,
    image: reader,
    imagePullPolicy: 'Never',
    args: [file, `${port}`],
    volumeMounts: [{ name: 'config', ...mount }],
    ...more,
  })
  const names = ['directory', 'symlink', 'copy']
  const file = '/etc/reader/config'
  const directory = container('directory', file, 8080, { mountPath: '/etc/reader' })
  const secret = (value: string) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'secret' },
    stringData: { config: value },
  })
  const volumes = [
    configMapVolume('config'),
    { name: 'secret', secret: { secretName: 'secret', defaultMode: 0o440 } },
  ]
  const web = deployment(directory, volumes, {
    annotations: Object.fromEntries(names.map((name) => [`hotreload.dev/signal.${name}`, 'SIGHUP'])),
    spec: { ...own, securityContext: { fsGroup: 2000 } },
  })
  web.spec.template.spec.containers.push(
    container('symlink', file, 8081, { mountPath: file, subPath: 'config' }),
    container(
      'copy',
      '/config',
      8082,
      { name: 'secret', mountPath: '/config', subPath: 'config' },
      { securityContext: { runAsUser: 1000 } },
    ),
  )
  await ns.apply([configMap('config', { config: 'one' }), secret('secret one'), web])
  const [pod] = await ns.podsReady('app=web')
  if (!pod) throw new Error('no Pod')
  for (const [port, text] of [
    [8080, 'one'],
    [8081, 'one'],
    [8082, 'secret one'],
  ] as const)
    await serves(ns, pod, text, port)
  const [mapping = '', ...others] = new Set(mappings(pod))
  expect(others).toEqual([])
  expect(mapping).toMatch(/^0 [1-9]\d+ 65536$/)

  await edit(ns, 'config', { config: 'two' }, [pod])
  await ns.apply(secret('secret two'))
  await nudge(ns, [pod])
  for (const [port, text] of [
    [8080, 'two'],
    [8081, 'two'],
    [8082, 'secret two'],
  ] as const)
    await serves(ns, pod, text, port)
  for (const [index, name] of names.entries())
    await expectReloadedOnce(ns, pod, { container: name }, 9467 + index)
  await expectUntouched(ns, pod)
})

test('a gate keeps a refused edit out', async () => {
  const ns = await hook.namespace()
  const site = (text: string) => ({ 'site.conf': `server { listen 8080; return 200 "${text}"; }\n` })
  const container = { image: nginx, volumeMounts: [{ name: 'conf', mountPath: '/etc/nginx/conf.d' }] }
  const annotations = { 'hotreload.dev/gate': 'publish', 'hotreload.dev/validate': 'preset' }
  const web = deployment(container, [configMapVolume('conf')], { annotations, spec: own })
  await ns.apply([configMap('conf', site('one')), web])
  const [pod] = await ns.podsReady('app=web')
  if (!pod) throw new Error('no Pod')
  await serves(ns, pod, 'one')
  await edit(ns, 'conf', { 'site.conf': 'no_such_directive;\n' }, [pod])
  await until('the edit is held', async () => (await agentStatus(ns, pod)).state === 'held')
  await edit(ns, 'conf', site('two'), [pod])
  await serves(ns, pod, 'two')
  await expectUntouched(ns, pod)
})
