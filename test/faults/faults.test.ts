// Faults under load: while Pods are created and ConfigMaps edited without pause, a part of the cluster or of hotreload fails. Nothing is lost,
// nothing missed, nothing done twice. FAULT_ROUNDS is how often each fault comes, FAULT_SECONDS how long the load goes on after its beginning.
import { beforeAll, expect, inject, test } from 'vitest'
import { createClient, type KubeClient } from '../../src/kube/client.ts'
import { kubeconfigConnection } from '../../src/kube/connection.ts'
import { pause } from '../cluster/run.ts'
import {
  DEPLOYMENTS,
  expectNoInstall,
  installNamespace,
  installReady,
  rendered,
  system,
} from '../support/install.ts'
import { images, type Namespace, until } from '../support/kube.ts'
import { kubectl, tryKubectl } from '../support/kubectl.ts'
import { clockConfigMap, clockPatch } from './clock.ts'
import { faults } from './faults.ts'
import { prepareLoad, type Round } from './load.ts'
import { kill, WEBHOOK } from './replicas.ts'
import { onlyPod, reloaded, rolledOut } from './subjects.ts'

const ROUNDS = Number(process.env['FAULT_ROUNDS'] ?? 1)
const SECONDS = Number(process.env['FAULT_SECONDS'] ?? 5)

let begin: () => Round
let ns: Namespace
let client: KubeClient
beforeAll(async () => {
  const [image = ''] = await images('reader', 'hotreload', 'hotreload-agent')
  await expectNoInstall()
  // As deployed: replicas stay until nobody is connected.
  await kubectl(['apply', '-f', '-'], await rendered('deploy', 120))
  await kubectl(['create', '-f', '-'], JSON.stringify(await clockConfigMap()))
  for (const name of DEPLOYMENTS)
    await kubectl(['patch', 'deployment', name, `--patch=${JSON.stringify(clockPatch)}`, ...system])
  await installReady()
  const required = await installNamespace('required')
  ns = await installNamespace('enabled')
  client = createClient(await kubeconfigConnection(inject('cluster').kubeconfig, ns.name))
  const subjects = [
    reloaded(ns, client, image, 'directory'),
    reloaded(ns, client, image, 'sub-path', { mountPath: '/etc/reader/config', subPath: 'config' }),
    rolledOut(ns, client, image, 'pod', 1),
    rolledOut(ns, client, image, 'no-pod', 0),
  ]
  const pod = { apiVersion: 'v1', kind: 'Pod', ...subjects[0]?.manifest.spec.template }
  Object.assign(pod.metadata ?? {}, {
    generateName: 'web-',
    annotations: { 'hotreload.dev/signal': 'SIGHUP', 'hotreload.dev/inject': 'true' },
  })
  await until('the webhook is called', async () => {
    const input = JSON.stringify(pod)
    return (await required.kubectl(['create', '--dry-run=server', '-f', '-'], input)) !== ''
  })
  begin = await prepareLoad({ client, creates: [required.name, ns.name], pod, ns, subjects })
})

async function recovered(): Promise<void> {
  await until(
    'the API server is ready',
    async () => (await tryKubectl(['get', '--raw', '/readyz'])).code === 0,
  )
  await installReady()
}

const rows = Array.from({ length: ROUNDS }, () => faults).flat()
test.each(rows)('$name', async ({ name, begin: beginFault, costsAdmissions, cutsPodsOff }) => {
  const round = begin()
  await pause(1_000)
  const end = await beginFault()
  await pause(SECONDS * 1_000)
  await end?.()
  await recovered()
  const during = round.soFar()
  await pause(2_000)
  const ledger = await round.end()
  console.log(`${name}: ${JSON.stringify({ during, ledger })}`)

  const { lost, uninjected } = costsAdmissions ? during : { lost: 0, uninjected: 0 }
  const cutOff = cutsPodsOff ? ledger.cutOff : 0
  expect(ledger).toMatchObject({ lost, uninjected, missed: 0, doubled: 0, cutOff })
  expect(ledger.admitted).toBeGreaterThan(20)
  expect(ledger.edits).toBeGreaterThan(4)
})

test('the ledger notices what is lost and what is done twice', async () => {
  const round = begin()
  await kill(await onlyPod(ns, client, 'directory'), 'SIGHUP')
  await kubectl(['scale', `deployment/${WEBHOOK}`, '--replicas=0', ...system])
  await until('it notices', () => round.soFar().lost > 0 && round.soFar().uninjected > 0)
  // Only now: the webhook would write the checksum of the last edit in the same request, so that one rollout served both.
  await ns.kubectl(['rollout', 'restart', 'deployment/no-pod'])
  await kubectl(['scale', `deployment/${WEBHOOK}`, '--replicas=2', ...system])
  await recovered()
  expect(await round.end()).toMatchObject({ missed: 0, doubled: 2 })
})
