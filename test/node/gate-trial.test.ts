// Trials with a real nginx: a valid but wrong configuration is taken back, once; what the program suffers from anyway is not.
import { join } from 'node:path'
import type { V1Pod } from '@kubernetes/client-node'
import { afterEach, beforeAll, expect, test } from 'vitest'
import { attempt, run } from '../cluster/run.ts'
import { processesOf } from '../support/container-process.ts'
import { settled, startTestController, type TestController } from '../support/controller.ts'
import { cluster, images, namespace, type Namespace, until } from '../support/kube.ts'
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
let controller: TestController | undefined
beforeAll(async () => {
  ;[image = ''] = await images('nginx', 'hotreload-agent')
  hook = await webhook()
})
afterEach(() => controller?.stop())

const conf = '/etc/nginx/conf.d'

/** Well unless the file /tmp/sick is there, or `status` says otherwise; and only at the Pod's address, as a program that listens nowhere else. */
const site = (text: string, status = 200) => ({
  'site.conf': `server {
    listen 8080;
    location / { return 200 "${text}"; }
    location /ready {
      if ($server_addr = 127.0.0.1) { return 503; }
      if (-f /tmp/sick) { return 503; }
      return ${status};
    }
  }\n`,
})

const onTrial = () => {
  // An answer that a busy machine delays is no failure.
  const times = { periodSeconds: 1, failureThreshold: 2, timeoutSeconds: 10 }
  const probe = { httpGet: { path: '/ready', port: 8080 }, ...times }
  const volumeMounts = [{ name: 'conf', mountPath: conf }]
  return deployment({ image, volumeMounts, readinessProbe: probe }, [configMapVolume('conf')], {
    annotations: {
      'hotreload.dev/gate': 'publish',
      'hotreload.dev/validate': 'preset',
      'hotreload.dev/bake': '10s',
    },
  })
}

const reaches = (ns: Namespace, pod: V1Pod, ...states: string[]) =>
  until(`the agent is ${states.join(' or ')}`, async () => {
    const status = await agentStatus(ns, pod).catch(() => undefined)
    return status && states.includes(status.state) && status
  })

const exec = (ns: Namespace, pod: V1Pod, ...words: string[]) =>
  ns.exec(pod.metadata?.name ?? '', 'web', words)

test('content with which the program answers 500, or ends, is taken back once; what it suffers from anyway is not', async () => {
  const [own, ns] = [await namespace(), await hook.namespace()]
  await ns.apply([configMap('conf', site('one')), onTrial()])
  const [pod] = await ns.podsReady('app=web')
  if (!pod) throw new Error('no Pod')
  await serves(ns, pod, 'one')
  await reaches(ns, pod, 'loaded')
  controller = await startTestController(own.name, { only: [ns.name] })
  const { events } = controller
  await settled(controller)

  await ns.kubectl(['replace', '-f', '-'], JSON.stringify(configMap('conf', site('two', 500))))
  const reverted = await reaches(ns, pod, 'reverted')
  expect(reverted).toMatchObject({ error: { code: 'HR_REVERTED' }, counters: { reverts: 1 } })
  await serves(ns, pod, 'one')
  const event = await until(
    'the Event',
    () => events.find(({ reason }) => reason === 'ConfigurationReverted'),
    300_000,
  )
  expect(event).toMatchObject({ kind: 'Deployment', name: 'web' })
  expect(event.message).toContain('answered 500')
  const { kubeconfig } = cluster()
  const status = [process.execPath, MAIN, 'status', '-n', ns.name, '--kubeconfig', kubeconfig]
  const shown = await attempt(status)
  expect(shown).toMatchObject({ code: 1, stdout: expect.stringMatching(/reverted [0-9a-f]{8}/) })
  await controller.stop()
  controller = undefined

  // The same content is not tried again, unless a person says so. Then it stays.
  await nudge(ns, [pod])
  expect(await reaches(ns, pod, 'reverted')).toMatchObject({ counters: { reverts: 1 } })
  await run([process.execPath, MAIN, 'approve', 'deployment/web', '-n', ns.name, '--kubeconfig', kubeconfig])
  await serves(ns, pod, 'two')
  expect(await reaches(ns, pod, 'unhealthy')).toMatchObject({ counters: { reverts: 1 } })
  await edit(ns, 'conf', site('three'), [pod])
  await serves(ns, pod, 'three')
  await reaches(ns, pod, 'loaded')

  // The program is not well before the edit already, so that the edit is not to blame.
  await exec(ns, pod, 'touch', '/tmp/sick')
  await edit(ns, 'conf', site('four'), [pod])
  await serves(ns, pod, 'four')
  expect(await reaches(ns, pod, 'unhealthy')).toMatchObject({ counters: { reverts: 1 } })
  await exec(ns, pod, 'rm', '/tmp/sick')
  await reaches(ns, pod, 'loaded')

  // The program ends with the new content, though its answers were good.
  await edit(ns, 'conf', site('five'), [pod])
  await reaches(ns, pod, 'baking')
  processesOf(pod, 'web').forEach((pid) => process.kill(pid, 'SIGKILL'))
  expect(await reaches(ns, pod, 'reverted')).toMatchObject({ counters: { reverts: 2 } })
  await serves(ns, pod, 'four')
})
