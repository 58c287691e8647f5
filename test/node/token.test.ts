// The token of a projected volume rotates at 80 % of its life, 10 minutes at least: this file runs 16 minutes beside the others.
import { beforeAll, expect, test } from 'vitest'
import { images, until } from '../support/kube.ts'
import { agentStatus, configMap, deployment, edit, expectUntouched, serves } from '../support/reload.ts'
import { type Webhook, webhook } from '../support/webhook.ts'

let reader = ''
let busybox = ''
let hook: Webhook
beforeAll(async () => {
  ;[reader = '', busybox = ''] = await images('reader', 'busybox', 'hotreload-agent')
  hook = await webhook()
})

test('a token that rotates twice beside a ConfigMap is no reason to reload; the ConfigMap is', {
  timeout: 25 * 60_000,
}, async () => {
  const ns = await hook.namespace()
  const sources = [
    { configMap: { name: 'config' } },
    { serviceAccountToken: { path: 'token', expirationSeconds: 600 } },
  ]
  const mounts = { volumeMounts: [{ name: 'config', mountPath: '/etc/reader' }] }
  const { spec, ...web } = deployment(
    { image: reader, ...mounts },
    [{ name: 'config', projected: { sources } }],
    {
      annotations: { 'hotreload.dev/signal': 'SIGHUP', 'hotreload.dev/container': 'web' },
    },
  )
  // Reads the token from where the reader has it: the reader's image has no program to read a file with.
  spec.template.spec.containers.push({
    name: 'eye',
    image: busybox,
    imagePullPolicy: 'Never',
    command: ['sleep', '3000'],
    ...mounts,
  })
  await ns.apply([configMap('config', { config: 'one' }), { ...web, spec }])
  const [pod] = await ns.podsReady('app=web')
  if (!pod) throw new Error('no Pod')
  await serves(ns, pod, 'one')
  const seen = new Set<string>()
  await until(
    'three tokens were there',
    async () =>
      seen.add(await ns.exec(pod.metadata?.name ?? '', 'eye', ['cat', '/etc/reader/token'])).size === 3,
    24 * 60_000,
    5_000,
  )
  expect(await agentStatus(ns, pod)).toMatchObject({ counters: { reloaded: 0 } })
  await edit(ns, 'config', { config: 'two' }, [pod])
  await serves(ns, pod, 'two')
  expect((await ns.fetch(pod, '/', 8080)).headers.get('x-loads')).toBe('2')
  await expectUntouched(ns, pod)
})
