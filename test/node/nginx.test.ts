// A real nginx on a real node: the same master serves an edited ConfigMap, however the file is mounted.
import type { V1Pod } from '@kubernetes/client-node'
import { beforeAll, expect, test } from 'vitest'
import { images, type Namespace, until } from '../support/kube.ts'
import { LARGE_BYTES, makeLarge, pausedResponse } from '../support/paused-response.ts'
import {
  agentStatus,
  configMap,
  configMapVolume,
  deployment,
  edit,
  expectReloadedOnce,
  expectUntouched,
  serves,
} from '../support/reload.ts'
import { type Webhook, webhook } from '../support/webhook.ts'

let image = ''
let hook: Webhook
beforeAll(async () => {
  ;[image = ''] = await images('nginx', 'hotreload-agent')
  hook = await webhook()
})

const site = (text: string) =>
  `server { listen 8080; location / { return 200 "${text}"; } location /large { alias /tmp/large; send_timeout 600; } }\n`
/** A whole nginx.conf, which includes a sibling that only the image has. */
const main = (text: string, more = '') => `
pid /tmp/nginx.pid;
error_log stderr notice;
events {}
http {
  access_log off;
  include mime.types;
  client_body_temp_path /tmp/body; proxy_temp_path /tmp/proxy; fastcgi_temp_path /tmp/fcgi; uwsgi_temp_path /tmp/uwsgi; scgi_temp_path /tmp/scgi;
  ${more}
  ${site(text)}
}
`

/** Starts a Deployment of nginx and waits until it serves "one". */
async function start(
  container: object,
  data: Record<string, string>,
  options: { annotations?: Record<string, string>; spec?: object; volumes?: object[] } = {},
) {
  const ns = await hook.namespace()
  const volumes = [configMapVolume('conf'), ...(options.volumes ?? [])]
  await ns.apply([configMap('conf', data), deployment({ image, ...container }, volumes, options)])
  const [pod] = await ns.podsReady('app=web')
  if (!pod) throw new Error('no Pod')
  await serves(ns, pod, 'one')
  return { ns, pod }
}

const masterOf = async (ns: Namespace, pod: V1Pod, pidFile: string): Promise<string> =>
  (await ns.exec(pod.metadata?.name ?? '', 'web', ['cat', pidFile])).trim()

/** Edits, waits until nginx serves "two", and expects the same master, Pod and containers as before. */
async function expectReload(
  { ns, pod }: { ns: Namespace; pod: V1Pod },
  data: Record<string, string>,
  pidFile = '/tmp/nginx.pid',
) {
  const master = await masterOf(ns, pod, pidFile)
  await edit(ns, 'conf', data, [pod])
  await serves(ns, pod, 'two')
  expect(await masterOf(ns, pod, pidFile)).toBe(master)
  await expectUntouched(ns, pod)
  await expectReloadedOnce(ns, pod)
}

test('nginx serves an edited directory, and completes a running response', async () => {
  const { ns, pod } = await start(
    { volumeMounts: [{ name: 'conf', mountPath: '/etc/nginx/conf.d' }] },
    { 'site.conf': site('one') },
  )
  await ns.exec(pod.metadata?.name ?? '', 'web', makeLarge('/tmp/large'))
  const response = await pausedResponse(`http://${pod.status?.podIP}:8080/large`)
  await expectReload({ ns, pod }, { 'site.conf': site('two') }, '/run/nginx.pid')
  expect(await response.finish()).toBe(LARGE_BYTES)
})

test('nginx serves one edited subPath file beside the files of the image', async () => {
  const started = await start(
    { volumeMounts: [{ name: 'conf', mountPath: '/etc/nginx/nginx.conf', subPath: 'nginx.conf' }] },
    { 'nginx.conf': main('one') },
  )
  await expectReload(started, { 'nginx.conf': main('two') })
})

test('two subPath files in one directory change together', async () => {
  const mounts = ['nginx.conf', 'extra.conf'].map((key) => ({
    name: 'conf',
    mountPath: `/etc/nginx/${key}`,
    subPath: key,
  }))
  const extra = (text: string) => `add_header X-Extra ${text};`
  const started = await start(
    { volumeMounts: mounts },
    { 'nginx.conf': main('one', 'include extra.conf;'), 'extra.conf': extra('one') },
  )
  await expectReload(started, {
    'nginx.conf': main('two', 'include extra.conf;'),
    'extra.conf': extra('two'),
  })
  expect((await started.ns.fetch(started.pod, '/', 8080)).headers.get('x-extra')).toBe('two')
})

test('nginx serves the edited key that subPathExpr selects', async () => {
  const started = await start(
    {
      env: [{ name: 'ROLE', value: 'blue' }],
      volumeMounts: [{ name: 'conf', mountPath: '/etc/nginx/nginx.conf', subPathExpr: '$(ROLE).conf' }],
    },
    { 'blue.conf': main('one'), 'green.conf': main('green') },
  )
  await expectReload(started, { 'blue.conf': main('two'), 'green.conf': main('green') })
})

test('nginx serves an edited file with a read-only root filesystem and its own user', async () => {
  const started = await start(
    {
      securityContext: { readOnlyRootFilesystem: true, runAsUser: 101, runAsGroup: 101, runAsNonRoot: true },
      volumeMounts: [
        { name: 'conf', mountPath: '/etc/nginx/nginx.conf', subPath: 'nginx.conf' },
        { name: 'tmp', mountPath: '/tmp' },
        { name: 'lib', mountPath: '/var/lib/nginx' },
      ],
    },
    { 'nginx.conf': main('one') },
    {
      volumes: [
        { name: 'tmp', emptyDir: {} },
        { name: 'lib', emptyDir: {} },
      ],
    },
  )
  await expectReload(started, { 'nginx.conf': main('two') })
})

test('adding, removing and replacing a key cause one reload each', async () => {
  const { ns, pod } = await start(
    { volumeMounts: [{ name: 'conf', mountPath: '/etc/nginx/conf.d' }] },
    { 'site.conf': site('one') },
  )
  const headers = async () => (await ns.fetch(pod, '/', 8080)).headers
  const reloads = (count: number) =>
    until(`${count} reloads`, async () => (await agentStatus(ns, pod)).counters.reloaded === count)
  await edit(ns, 'conf', { 'site.conf': site('one'), 'more.conf': 'add_header X-More yes;' }, [pod])
  await until('the added key is in effect', async () => (await headers()).get('x-more') === 'yes')
  await reloads(1)
  await edit(ns, 'conf', { 'site.conf': site('one') }, [pod])
  await until('the removed key is no longer in effect', async () => (await headers()).get('x-more') === null)
  await reloads(2)
  await edit(ns, 'conf', { 'other.conf': site('two') }, [pod])
  await serves(ns, pod, 'two')
  await reloads(3)
  await expectUntouched(ns, pod)
})
