// The gate with a real nginx: a refused ConfigMap reaches neither the program that runs nor one that starts.
import { join } from 'node:path'
import type { V1Pod } from '@kubernetes/client-node'
import { beforeAll, expect, test } from 'vitest'
import { run } from '../cluster/run.ts'
import { sandboxOf } from '../support/container-process.ts'
import { killed, nameOf, reaches, refusalsIn, restarted, statusOf } from '../support/gated-pods.ts'
import { cluster, images, until } from '../support/kube.ts'
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

const MAIN = join(import.meta.dirname, '../../src/main.ts')

let image = ''
let hook: Webhook
beforeAll(async () => {
  ;[image = ''] = await images('nginx', 'hotreload-agent')
  hook = await webhook()
})

const site = (text: string) => ({ 'site.conf': `server { listen 8080; return 200 "${text}"; }\n` })
const broken = { 'site.conf': 'no_such_directive;\n' }
const conf = '/etc/nginx/conf.d'

const gated = (
  mode: 'publish' | 'strict',
  more: { volumes?: object[]; mounts?: object[] } = {},
  validate = 'preset',
) =>
  deployment(
    { image, volumeMounts: [{ name: 'conf', mountPath: conf }, ...(more.mounts ?? [])] },
    [configMapVolume('conf'), ...(more.volumes ?? [])],
    { annotations: { 'hotreload.dev/gate': mode, 'hotreload.dev/validate': validate } },
  )

test('a refused edit stays out when the program, its agent or the whole Pod starts again, and a good one is served', async () => {
  const ns = await hook.namespace()
  const more = {
    // The kubelet makes its mount point in the volume of a ConfigMap.
    mounts: [{ name: 'more', mountPath: `${conf}/more` }],
    volumes: [configMapVolume('more')],
  }
  await ns.apply([
    configMap('conf', site('one')),
    configMap('more', { 'a.txt': 'more' }),
    gated('publish', more),
  ])
  const [pod] = await ns.podsReady('app=web')
  if (!pod) throw new Error('no Pod')
  await serves(ns, pod, 'one')
  expect(await ns.exec(nameOf(pod), 'web', ['cat', `${conf}/more/a.txt`])).toBe('more')

  await edit(ns, 'conf', broken, [pod])
  expect(await reaches(ns, pod, 'held')).toMatchObject({ error: { code: 'HR_VALIDATION_FAILED' } })
  await killed(ns, pod, 'web')
  await serves(ns, pod, 'one')
  await killed(ns, pod, 'hotreload-agent')
  await reaches(ns, pod, 'held')
  const before = await ns.get<V1Pod>('pod', nameOf(pod))
  process.kill(sandboxOf(before), 'SIGKILL')
  await restarted(ns, before, 'web')
  const [same] = await ns.podsReady('app=web')
  expect(same?.metadata?.uid).toBe(pod.metadata?.uid)
  if (!same) throw new Error('no Pod')
  await serves(ns, same, 'one')
  await reaches(ns, same, 'held')

  // A retry comes ten seconds after the last refusal, and counts as another.
  await until('a nudge asks again', async () => {
    const asked = async () => (await agentStatus(ns, same)).counters.validationsFailed
    const [before, refusals] = [await asked(), await refusalsIn(ns, same)]
    await nudge(ns, [same])
    await until('an answer', async () => (await asked()) > before)
    return (await refusalsIn(ns, same)) === refusals
  })

  // The program has this, so there is one reload only.
  await edit(ns, 'conf', site('one'), [same])
  await reaches(ns, same, 'loaded')
  await edit(ns, 'conf', site('two'), [same])
  await serves(ns, same, 'two')
  await until('the agent counts a reload', async () => (await agentStatus(ns, same)).counters.reloaded > 0)
  expect(await reaches(ns, same, 'loaded')).toMatchObject({ counters: { reloaded: 1, signals: 1 } })

  // A name that nobody knows is an error of today, not of the file. All containers of a Pod have one /etc/hosts.
  const upstream = `server { listen 8080; location / { return 200 "three"; } location /later { proxy_pass http://later; } }\n`
  await edit(ns, 'conf', { 'site.conf': upstream }, [same])
  await reaches(ns, same, 'held')
  await ns.exec(nameOf(same), 'web', ['sh', '-c', 'echo 127.0.0.1 later >> /etc/hosts'])
  await serves(ns, same, 'three')
})

test('a Pod that starts with refused content waits where the gate is strict, says why, and starts with the mended one', async () => {
  const ns = await hook.namespace()
  await ns.apply([configMap('conf', broken), gated('strict')])
  const waiting = () =>
    until('a Pod waits', async () => {
      const pods = await ns.list<V1Pod>('pods', 'app=web')
      const pod = pods.find(({ metadata }) => metadata?.deletionTimestamp === undefined)
      const gate = pod && statusOf(pod, 'hotreload-gate-web')
      return gate?.state?.running && gate.lastState?.terminated && pod
    })
  const first = await waiting()
  expect(await ns.kubectl(['describe', 'pod', nameOf(first)])).toContain(
    'validate exited with code 1; nothing is published yet',
  )
  expect(await ns.logs(nameOf(first), 'hotreload-gate-web')).toContain('no_such_directive')
  await ns.kubectl(['delete', 'pod', nameOf(first)])
  const second = await waiting()
  await edit(ns, 'conf', site('one'), [second])
  const [pod] = await ns.podsReady('app=web')
  expect(pod?.metadata?.uid).toBe(second.metadata?.uid)
  if (!pod) throw new Error('no Pod')
  await serves(ns, pod, 'one')

  // Without the gate the workload rolls out once, and nothing of it is left.
  await ns.kubectl(['annotate', 'deployment', 'web', 'hotreload.dev/gate-'])
  const plain = await until('the new Pod is Ready', async () => {
    const [ready] = await ns.podsReady('app=web')
    return ready?.metadata?.uid !== pod.metadata?.uid && ready
  })
  expect(JSON.stringify(plain.spec)).not.toMatch(/hotreload-gate|hotreload-approve/)
  expect(await ns.list('replicasets', 'app=web')).toHaveLength(2)
})

test('a Pod that starts with refused content starts as without a gate where nothing else is known', async () => {
  const ns = await hook.namespace()
  const other = { ...site('one'), 'other.conf': 'no_such_directive;\n' }
  const workload = gated('publish')
  await ns.apply([configMap('conf', site('one')), workload])
  const [old] = await ns.podsReady('app=web')
  if (!old) throw new Error('no Pod')
  await ns.kubectl(['replace', '-f', '-'], JSON.stringify(configMap('conf', other)))
  await ns.kubectl(['delete', 'pod', nameOf(old)])
  const pod = await until('nginx refuses its file', async () => {
    const [found] = await ns.list<V1Pod>('pods', 'app=web')
    const web = found?.status?.containerStatuses?.find(({ name }) => name === 'web')
    return (web?.restartCount ?? 0) > 0 && found
  })
  await reaches(ns, pod, 'unproved')
  await ns.kubectl(['replace', '-f', '-'], JSON.stringify(configMap('conf', site('two'))))
  await nudge(ns, [pod])
  const [ready] = await ns.podsReady('app=web')
  if (!ready) throw new Error('no Pod')
  await serves(ns, ready, 'two')
})

test('content that a person approves reaches the program whatever the validator says', async () => {
  const ns = await hook.namespace()
  await ns.apply([
    configMap('conf', site('one')),
    gated('publish', {}, JSON.stringify(['test', '!', '-e', `${conf}/site.conf`])),
  ])
  const [pod] = await ns.podsReady('app=web')
  if (!pod) throw new Error('no Pod')
  await reaches(ns, pod, 'unproved')
  await edit(ns, 'conf', site('two'), [pod])
  await until('the agent holds the edit', () => refusalsIn(ns, pod))
  const { kubeconfig } = cluster()
  await run([process.execPath, MAIN, 'approve', 'deployment/web', '-n', ns.name, '--kubeconfig', kubeconfig])
  await serves(ns, pod, 'two')

  await edit(ns, 'conf', site('three'), [pod])
  await reaches(ns, pod, 'held')
  await serves(ns, pod, 'two')
})
