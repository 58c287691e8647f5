// The kernel kills an agent for lack of memory: the kubelet restarts it, and the program loads a change that happened meanwhile.
import type { V1Pod } from '@kubernetes/client-node'
import { expect, onTestFinished, test } from 'vitest'
import { outOfMemory, processesOf } from '../support/container-process.ts'
import { images, until } from '../support/kube.ts'
import {
  agentStatus,
  configMap,
  configMapVolume,
  deployment,
  edit,
  expectReloadedOnce,
  serves,
} from '../support/reload.ts'
import { webhook } from '../support/webhook.ts'

const AGENT = 'hotreload-agent'
const site = (text: string) => ({ 'site.conf': `server { listen 8080; return 200 "${text}"; }\n` })

test('an agent that runs out of memory is restarted and loads the missed change, and the program is not disturbed', async () => {
  const [image] = await images('nginx', 'hotreload-agent')
  const hook = await webhook()
  const ns = await hook.namespace()
  const container = { image, volumeMounts: [{ name: 'conf', mountPath: '/etc/nginx/conf.d' }] }
  await ns.apply([configMap('conf', site('one')), deployment(container, [configMapVolume('conf')])])
  const [pod] = await ns.podsReady('app=web')
  const name = pod?.metadata?.name ?? ''
  if (!pod) throw new Error('no Pod')
  await serves(ns, pod, 'one')
  await until('the agent watches', async () => (await agentStatus(ns, pod)).state === 'loaded')

  // While it is stopped, it can't see the change.
  const [agent = 0, ...others] = processesOf(pod, AGENT)
  expect(others).toEqual([])
  process.kill(agent, 'SIGSTOP')
  onTestFinished(() => processesOf(pod, AGENT).forEach((pid) => process.kill(pid, 'SIGCONT')))
  await edit(ns, 'conf', site('two'), [pod])
  await until('the kubelet has updated the file', async () =>
    (await ns.exec(name, 'web', ['cat', '/etc/nginx/conf.d/site.conf'])).includes('two'),
  )
  expect((await ns.fetch(pod, '/', 8080)).body).toBe('one')

  await outOfMemory(agent)
  const after = await until('the kubelet has restarted the agent', async () => {
    const found = await ns.get<V1Pod>('pod', name)
    const status = found.status?.initContainerStatuses?.find((one) => one.name === AGENT)
    return status?.restartCount === 1 && status.state?.running && found
  })
  const status = after.status?.initContainerStatuses?.find((one) => one.name === AGENT)
  expect(status?.lastState?.terminated).toMatchObject({ reason: 'OOMKilled', exitCode: 137 })
  await serves(ns, pod, 'two')
  const [ready] = await ns.podsReady('app=web')
  expect(ready?.metadata?.uid).toBe(pod.metadata?.uid)
  expect(ready?.status?.containerStatuses?.map(({ restartCount }) => restartCount)).toEqual([0])
  await expectReloadedOnce(ns, pod)
})
