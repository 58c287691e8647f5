// The gate with programs that watch their files, and that nobody else reloads.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { annotated, nameOf, reaches, seenBy } from '../support/gated-pods.ts'
import { imageReference, images, until } from '../support/kube.ts'
import { says, start as startProgram } from '../support/program.ts'
import { traefik } from '../support/programs/proxies.ts'
import { agentStatus, configMap, configMapVolume, deployment, edit } from '../support/reload.ts'
import { type Webhook, webhook } from '../support/webhook.ts'

let hook: Webhook
beforeAll(async () => {
  await images('watcher', 'traefik', 'hotreload-agent')
  hook = await webhook()
})

/** Each name below a directory, with what it is. Timestamps and checksums in names are GEN. */
function listing(directory: string): string[] {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true }).map((entry) => {
    const path = join(entry.parentPath, entry.name)
    const what = entry.isSymbolicLink()
      ? readlinkSync(path)
      : entry.isFile()
        ? readFileSync(path, 'utf8')
        : 'dir'
    return anonymous(`${path.slice(directory.length)} ${what}`)
  })
  return entries.toSorted()
}
const anonymous = (text: string) => text.replaceAll(/\.\.(?:\d{4}_[\w.]+|[0-9a-f]{56})/g, '..GEN')

test('a program that watches its files sees the same as of the kubelet, and nothing of a refused edit', async () => {
  const ns = await hook.namespace()
  const paths = ['/etc/app', '/etc/app/..data', '/etc/app/config']
  const watcher = {
    image: imageReference('watcher'),
    imagePullPolicy: 'Never',
    args: paths,
    volumeMounts: [{ name: 'conf', mountPath: '/etc/app' }],
  }
  const workload = deployment(watcher, [configMapVolume('conf')], {
    annotations: annotated({
      reload: 'none',
      'gate.web': 'strict',
      'validate.web': '/reader --check /etc/app/config',
    }),
  })
  workload.spec.template.spec.containers.push({ ...watcher, name: 'live' })
  await ns.apply([configMap('conf', { config: 'one' }), workload])
  const [pod] = await ns.podsReady('app=web')
  if (!pod) throw new Error('no Pod')
  for (const name of ['web', 'live'])
    await until(`${name} watches`, async () => (await ns.logs(nameOf(pod), name)).includes('watching'))
  /** The events of each path, in order. Those of files below `..data` are in the order of their directory, which is any. */
  const events = async (container: string) => {
    const lines = anonymous(await ns.logs(nameOf(pod), container)).split('\n')
    return paths.map((path) => {
      const own = lines.filter((line) => line.startsWith(`${path} `))
      return path.endsWith('..data') ? own.toSorted() : own
    })
  }
  /** The old generation is deleted last. */
  const deletions = (found: string[][]) =>
    found.map((lines) => lines.filter((line) => / delete(-self $| \.\.GEN)/.test(line)).length)
  const bothAfter = (edits: number) =>
    until(`both have seen ${edits} edits`, async () => {
      const found = [await events('web'), await events('live')] as const
      return found.every((one) => deletions(one).every((count) => count === edits)) && found
    })
  const edits = [{ config: 'two' }, { config: 'two', more: 'x' }, { config: 'three' }]
  for (const [index, data] of edits.entries()) {
    await edit(ns, 'conf', data, [pod])
    const [web, live] = await bothAfter(index + 1)
    expect(web).toEqual(live)
    expect(listing(seenBy(pod, 'web', '/etc/app'))).toEqual(listing(seenBy(pod, 'live', '/etc/app')))
  }
  expect(listing(seenBy(pod, 'web', '/etc/app')).filter((line) => line.endsWith(' dir'))).toHaveLength(1)
  const before = await events('web')
  await edit(ns, 'conf', { config: 'bad' }, [pod])
  await reaches(ns, pod, 'held')
  expect(await events('web')).toEqual(before)
  expect(readFileSync(seenBy(pod, 'web', '/etc/app/config'), 'utf8')).toBe('three')
})

test('traefik, which watches its directory, loads each publish', async () => {
  const program = {
    ...traefik('directory=/etc/web'),
    options: {
      annotations: annotated({ gate: 'strict', validate: '["sh","-c","! grep -q bad /etc/web/web.yaml"]' }),
    },
  }
  const running = await startProgram(hook, program)
  const { ns, pod } = running
  for (const value of ['two', 'three']) {
    await edit(ns, 'config', program.data(value), [pod])
    await says(program, running, value)
  }
  await edit(ns, 'config', program.data('bad'), [pod])
  await reaches(ns, pod, 'held')
  await says(program, running, 'three')
  await edit(ns, 'config', program.data('four'), [pod])
  await says(program, running, 'four')
  expect((await agentStatus(ns, pod)).counters.signals).toBe(0)
})
