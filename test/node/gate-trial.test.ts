// Trials on a node: a valid but wrong configuration is taken back, once; what the program suffers from anyway is not. The tests run beside
// each other.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { V1Pod } from '@kubernetes/client-node'
import { beforeAll, describe, expect, type TestContext, test } from 'vitest'
import { builtInDefaults } from '../../src/policy/defaults.ts'
import { attempt, run } from '../cluster/run.ts'
import { processesOf } from '../support/container-process.ts'
import { settled, startTestController } from '../support/controller.ts'
import { agentLog, annotated, nameOf, reaches, seenBy } from '../support/gated-pods.ts'
import { cluster, images, type Namespace, namespace, tryKubectl, until } from '../support/kube.ts'
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

let [nginx, reader] = ['', '']
let hook: Webhook
beforeAll(async () => {
  ;[nginx = '', reader = ''] = await images('nginx', 'reader', 'hotreload-agent')
  // A validator here waits for the test, which may take its time on a busy machine.
  hook = await webhook({ defaults: { ...builtInDefaults, timeoutSeconds: 600 } })
})

/** Starts a controller that acts on one namespace until the test ends. Returns a wait for an Event with this text. */
async function startController(ns: Namespace, { onTestFinished }: TestContext) {
  const controller = await startTestController((await namespace()).name, { only: [ns.name] })
  onTestFinished(() => controller.stop())
  await settled(controller)
  return (reason: string, text = '') => {
    const isIt = (one: { reason: string; message: string }) =>
      one.reason === reason && one.message.includes(text)
    return until(`${reason}: ${text}`, () => controller.events.find(isIt), 300_000)
  }
}

const conf = '/etc/nginx/conf.d'
const hold = '/shared/hold'

/** Well unless the file /tmp/sick is there, or `status` says otherwise. The program's own start writes the address that it listens at. */
const site = (text: string, status = 200) => ({
  'site.conf': `server {
    include /shared/listen*;
    location / { return 200 "${text}"; }
    location /ready {
      if (-f /tmp/sick) { return 503; }
      return ${status};
    }
  }\n`,
})

/** An nginx that listens at the Pod's address only. Its validator waits while the file `hold` is there, and sees one content meanwhile. */
const onTrial = (scheme = 'HTTP') => {
  // An answer that a busy machine delays is no failure.
  const times = { periodSeconds: 1, failureThreshold: 2, timeoutSeconds: 10 }
  const container = {
    image: nginx,
    command: ['sh', '-c', 'echo "listen $POD_IP:8080;" >/shared/listen && exec nginx -g "daemon off;"'],
    env: [{ name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }],
    volumeMounts: [
      { name: 'conf', mountPath: conf },
      { name: 'shared', mountPath: '/shared' },
    ],
    readinessProbe: { httpGet: { path: '/ready', port: 8080, scheme }, ...times },
  }
  const script = `before=$(cat ${conf}/*); while [ -e ${hold} ]; do sleep 0.1; done; [ "$before" = "$(cat ${conf}/*)" ] && nginx -t`
  return deployment(container, [configMapVolume('conf'), { name: 'shared', emptyDir: {} }], {
    annotations: annotated({
      preset: 'nginx',
      gate: 'publish',
      validate: JSON.stringify(['sh', '-c', script]),
      bake: '10s',
    }),
  })
}

const exec = (ns: Namespace, pod: V1Pod, ...words: string[]) => ns.exec(nameOf(pod), 'web', words)

describe.concurrent('content on trial', () => {
  test('with which the program answers 500, or ends, is taken back once; what it suffers from anyway is not', async (context) => {
    const ns = await hook.namespace()
    const dryRun = ['apply', '--dry-run=server', '--filename=-', `--namespace=${ns.name}`]
    const { stderr } = await tryKubectl(dryRun, JSON.stringify(onTrial('HTTPS')))
    expect(stderr).toContain('only that the program lives, because its readiness probe speaks HTTPS')
    await ns.apply([configMap('conf', site('zero', 500)), onTrial()])
    const pod = await until('its program runs', async () => {
      const [found] = await ns.list<V1Pod>('pods', 'app=web')
      return found?.status?.containerStatuses?.[0]?.state?.running && found
    })
    // There is nothing good to go back to.
    expect(await reaches(ns, pod, 'unhealthy')).toMatchObject({ counters: { reverts: 0 } })
    await edit(ns, 'conf', site('one'), [pod])
    await serves(ns, pod, 'one')
    await exec(ns, pod, 'bash', '-c', '! (: </dev/tcp/127.0.0.1/8080)')
    await reaches(ns, pod, 'loaded')

    const event = await startController(ns, context)
    await ns.kubectl(['replace', '-f', '-'], JSON.stringify(configMap('conf', site('two', 500))))
    const reverted = await reaches(ns, pod, 'reverted')
    expect(reverted).toMatchObject({ error: { code: 'HR_REVERTED' }, counters: { reverts: 1 } })
    await serves(ns, pod, 'one')
    expect(await event('ConfigurationReverted', 'answered 500')).toMatchObject({
      kind: 'Deployment',
      name: 'web',
    })
    const { kubeconfig } = cluster()
    const hotreload = (...words: string[]) => [process.execPath, MAIN, ...words, '--kubeconfig', kubeconfig]
    const shown = await attempt(hotreload('status', '-n', ns.name))
    expect(shown).toMatchObject({ code: 1, stdout: expect.stringMatching(/reverted [0-9a-f]{8}/) })

    // The same content is not tried again, unless a person says so. Then it stays.
    await nudge(ns, [pod])
    expect(await reaches(ns, pod, 'reverted')).toMatchObject({ counters: { reverts: 1 } })
    await run(hotreload('approve', 'deployment/web', '-n', ns.name))
    await serves(ns, pod, 'two')
    expect(await reaches(ns, pod, 'unhealthy')).toMatchObject({ counters: { reverts: 1 } })
    await edit(ns, 'conf', site('three'), [pod])
    await serves(ns, pod, 'three')
    await reaches(ns, pod, 'loaded')

    // What happens with an edit, from the agent's log.
    const changesBy = async (act: () => Promise<unknown>) => {
      const { length } = await agentLog(ns, pod)
      await act()
      const lines = (await agentLog(ns, pod)).slice(length)
      const problems = lines.filter(({ msg }) => msg === 'not reloaded').map(({ code }) => code)
      const changes = lines.filter(({ msg }) => ['published', 'good', 'reverted'].includes(msg))
      return { problems, changes: changes.map(({ msg }) => msg) }
    }
    const publishedTwice = ['published', 'published', 'reverted']

    // An edit during a judgement gets its own.
    const judged = await changesBy(async () => {
      await exec(ns, pod, 'touch', hold)
      await edit(ns, 'conf', site('four'), [pod])
      await reaches(ns, pod, 'validating')
      await edit(ns, 'conf', site('five', 500), [pod])
      const mounted = () =>
        readFileSync(seenBy(pod, 'hotreload-agent', '/.hotreload/live/conf/site.conf'), 'utf8')
      await until('the kubelet has swapped', () => mounted().includes('five'))
      expect((await agentStatus(ns, pod)).state).toBe('validating')
      await exec(ns, pod, 'rm', hold)
      await reaches(ns, pod, 'reverted')
      await serves(ns, pod, 'three')
    })
    expect(judged).toEqual({ problems: ['HR_REVERTED'], changes: publishedTwice })

    // One during a trial does not wait for its end. A machine may be too slow for that trial, and then another one follows.
    let last = 'three'
    await until('an edit during a trial', async () => {
      const good = last
      last = `good ${crypto.randomUUID()}`
      const { changes } = await changesBy(async () => {
        await edit(ns, 'conf', site(last), [pod])
        await serves(ns, pod, last)
        await until('a trial', async () => ['baking', 'loaded'].includes((await agentStatus(ns, pod)).state))
        await edit(ns, 'conf', site(`bad ${last}`, 500), [pod])
        await reaches(ns, pod, 'reverted')
      })
      if (JSON.stringify(changes) !== JSON.stringify(publishedTwice)) return false
      await serves(ns, pod, good)
      return true
    })

    // The program is not well before the edit already, so that the edit is not to blame.
    const { reverts } = (await agentStatus(ns, pod)).counters
    await exec(ns, pod, 'touch', '/tmp/sick')
    await edit(ns, 'conf', site('six'), [pod])
    await serves(ns, pod, 'six')
    expect((await reaches(ns, pod, 'unhealthy')).counters.reverts).toBe(reverts)
    await event('ConfigurationUnhealthy', 'answered 503')
    await exec(ns, pod, 'rm', '/tmp/sick')
    await reaches(ns, pod, 'loaded')

    // The program ends with the new content, though its answers were good.
    await edit(ns, 'conf', site('seven'), [pod])
    await reaches(ns, pod, 'baking')
    processesOf(pod, 'web').forEach((pid) => process.kill(pid, 'SIGKILL'))
    expect((await reaches(ns, pod, 'reverted')).counters.reverts).toBe(reverts + 1)
    await serves(ns, pod, 'six')
  })

  test('comes to the other Pods after the first one’s trial, and no rollout overtakes its gate', async (context) => {
    const ns = await hook.namespace()
    const source = (config: string, colour: string) => configMap('conf', { config, colour })
    const colour = { configMapKeyRef: { name: 'conf', key: 'colour' } }
    const container = {
      image: reader,
      volumeMounts: [{ name: 'conf', mountPath: '/etc/reader' }],
      env: [{ name: 'COLOUR', valueFrom: colour }],
    }
    const annotations = annotated({
      signal: 'SIGHUP',
      gate: 'strict',
      validate: '/reader --check /etc/reader/config',
      bake: '3s',
      health: 'http://127.0.0.1:8080/',
    })
    await ns.apply([
      source('one', 'red'),
      deployment(container, [configMapVolume('conf')], { replicas: 2, annotations }),
    ])
    const pods = await ns.podsReady('app=web', 2)
    for (const pod of pods) await reaches(ns, pod, 'loaded')
    const event = await startController(ns, context)

    await ns.apply(source('two', 'red'))
    const nudgedAt = ({ metadata }: V1Pod) => metadata?.annotations?.['hotreload.dev/nudge'] ?? ''
    const [first, second] = await until('both are nudged', async () => {
      const found = await ns.list<V1Pod>('pods', 'app=web')
      return found.every(nudgedAt) && found.toSorted((a, b) => nudgedAt(a).localeCompare(nudgedAt(b)))
    })
    if (!first || !second) throw new Error('no Pods')
    const good = (await agentLog(ns, first)).filter(({ msg }) => msg === 'good')
    expect(good).toHaveLength(2)
    expect(nudgedAt(second) > (good[1]?.time ?? '')).toBe(true)
    for (const pod of pods) await serves(ns, pod, 'two')

    await ns.apply(source('bad', 'blue'))
    expect(await event('RolloutHeld')).toMatchObject({ kind: 'Deployment', name: 'web' })
    for (const pod of pods) await serves(ns, pod, 'two')
    await ns.apply(source('three', 'blue'))
    const old = new Set(pods.map(nameOf))
    const made = await until(
      'both Pods are new',
      async () => {
        const found = await ns.podsReady('app=web', 2)
        return !found.some((pod) => old.has(nameOf(pod))) && found
      },
      300_000,
    )
    for (const pod of made) {
      await serves(ns, pod, 'three')
      const [program] = processesOf(pod, 'web')
      expect(readFileSync(`/proc/${program}/environ`, 'utf8')).toContain('COLOUR=blue')
    }
    // One rollout, of the content that has passed.
    expect(await ns.list('replicasets', 'app=web')).toHaveLength(2)
  })
})
