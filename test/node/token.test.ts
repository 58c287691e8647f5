// The token of a projected volume rotates at 80 % of its lifetime, which is 10 minutes at least: this test takes 16 minutes.
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

test('a token that rotates twice causes no reload, and the ConfigMap beside it does', {
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
  // It reads the token for the test, because the reader's image has no program that could.
  spec.template.spec.containers.push({
    name: 'observer',
    image: busybox,
    imagePullPolicy: 'Never',
    command: ['sleep', '3000'],
    ...mounts,
  })
  await ns.apply([configMap('config', { config: 'one' }), { ...web, spec }])
  const [pod] = await ns.podsReady('app=web')
  if (!pod) throw new Error('no Pod')
  await serves(ns, pod, 'one')
  const tokens = new Set<string>()
  await until(
    'the third token',
    async () =>
      tokens.add(await ns.exec(pod.metadata?.name ?? '', 'observer', ['cat', '/etc/reader/token'])).size ===
      3,
    24 * 60_000,
    5_000,
  )
  expect(await agentStatus(ns, pod)).toMatchObject({ counters: { reloaded: 0, sent: 0 } })
  await edit(ns, 'config', { config: 'two' }, [pod])
  await serves(ns, pod, 'two')
  expect((await ns.fetch(pod, '/', 8080)).headers.get('x-loads')).toBe('2')
  await expectUntouched(ns, pod)
})
