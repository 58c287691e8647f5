// Faults under load: while Pods are created and ConfigMaps edited without pause, a part of the cluster or of hotreload fails. Nothing is lost,
// nothing missed, nothing done twice. FAULT_ROUNDS is how often each fault comes, FAULT_SECONDS how long the load goes on after its beginning.
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { createClient, type KubeClient } from '../../src/kube/client.ts'
import { kubeconfigConnection } from '../../src/kube/connection.ts'
import { pause } from '../cluster/run.ts'
import { killed, reaches } from '../support/gated-pods.ts'
import {
  expectNoInstall,
  installNamespace,
  installReady,
  renderedObjects,
  system,
} from '../support/install.ts'
import { images, type Namespace, until } from '../support/kube.ts'
import { cluster, kubectl, manifest, tryKubectl } from '../support/kubectl.ts'
import { edit, serves } from '../support/reload.ts'
import { clockConfigMap, withClock } from './clock.ts'
import { faults, restartProcess } from './faults.ts'
import { prepareLoad, type Round } from './load.ts'
import { expectUndisturbed } from './nasty-objects.ts'
import { kill, WEBHOOK } from './replicas.ts'
import { onlyPod, reloaded, rolledOut, type Subject } from './subjects.ts'

const ROUNDS = Number(process.env['FAULT_ROUNDS'] ?? 1)
const SECONDS = Number(process.env['FAULT_SECONDS'] ?? 0)

const gate = {
  'hotreload.dev/gate': 'strict',
  'hotreload.dev/validate': '/reader --check /etc/reader/config',
}

let begin: () => Round
let subjects: Record<'directory' | 'subPath' | 'gated' | 'pod' | 'noPod', Subject>
let ns: Namespace
let client: KubeClient
let image = ''
beforeAll(async () => {
  ;[image = ''] = await images('reader', 'hotreload', 'hotreload-agent')
  await expectNoInstall()
  // As deployed: replicas stay until nobody is connected.
  const objects = await renderedObjects('deploy', 120)
  const clocked = objects.map((object) => (object.kind === 'Deployment' ? withClock(object) : object))
  await kubectl(['apply', '-f', '-'], manifest([...clocked, await clockConfigMap()]))
  await installReady()
  const required = await installNamespace('required')
  ns = await installNamespace('enabled')
  client = createClient(await kubeconfigConnection(cluster().kubeconfig, ns.name))
  subjects = {
    directory: reloaded(ns, client, image, 'directory'),
    subPath: reloaded(ns, client, image, 'sub-path', {
      mount: { mountPath: '/etc/reader/config', subPath: 'config' },
    }),
    gated: reloaded(ns, client, image, 'gated', { annotations: gate }),
    pod: rolledOut(ns, client, image, 'pod', 1),
    noPod: rolledOut(ns, client, image, 'no-pod', 0),
  }
  const pod = { apiVersion: 'v1', kind: 'Pod', ...subjects.directory.manifest.spec.template }
  Object.assign(pod.metadata ?? {}, {
    generateName: 'web-',
    annotations: { 'hotreload.dev/signal': 'SIGHUP', 'hotreload.dev/inject': 'true' },
  })
  await until('the webhook is called', async () => {
    const input = JSON.stringify(pod)
    return (await required.kubectl(['create', '--dry-run=server', '-f', '-'], input)) !== ''
  })
  begin = await prepareLoad({
    client,
    creates: [required.name, ns.name],
    pod,
    ns,
    subjects: Object.values(subjects),
  })
})

async function recovered(): Promise<void> {
  await until(
    'the API server is ready',
    async () => (await tryKubectl(['get', '--raw', '/readyz'])).code === 0,
  )
  await installReady()
}

/** Its load ends with its test, also where that fails: the next one counts from there. */
function beginRound(): Round {
  const round = begin()
  onTestFinished(async () => void (await round.end()))
  return round
}

// These two first: replicas that they end drain for two minutes.
test('nasty objects take hotreload from nobody', () => expectUndisturbed(client, image))

test('the ledger notices what is lost and what is done twice', async () => {
  const round = beginRound()
  await kubectl(['scale', `deployment/${WEBHOOK}`, '--replicas=0', ...system])
  await until('it notices', () => round.soFar().lost > 0 && round.soFar().uninjected > 0)
  await kubectl(['scale', `deployment/${WEBHOOK}`, '--replicas=2', ...system])
  await recovered()
  const { directory, noPod } = subjects
  // After the last edit: a second signal beside the first, or a rollout beside another, would be one with it.
  const ledger = await round.end(async () => {
    await countsMore(directory, async () => kill(await onlyPod(ns, client, directory.name), 'SIGHUP'))
    await countsMore(noPod, () => ns.kubectl(['rollout', 'restart', `deployment/${noPod.name}`]))
  })
  expect(ledger).toMatchObject({ missed: 0, doubled: 2 })
})

const rows = Array.from({ length: ROUNDS }, () => faults).flat()
test.each(rows)('$name', async ({ name, begin: beginFault, costsAdmissions, cutsPodsOff }) => {
  const from = Date.now()
  const round = beginRound()
  await round.goesOn()
  const end = await beginFault()
  await pause(SECONDS * 1_000)
  await end?.()
  await recovered()
  const during = round.soFar()
  await round.goesOn()
  const ledger = await round.end()
  const seconds = Math.round((Date.now() - from) / 1_000)
  console.log(`${name}: ${JSON.stringify({ seconds, during, ledger })}`)

  const { lost, uninjected } = costsAdmissions ? during : { lost: 0, uninjected: 0 }
  const cutOff = cutsPodsOff ? ledger.cutOff : 0
  expect(ledger).toMatchObject({ lost, uninjected, missed: 0, doubled: 0, cutOff })
})

test('a kubelet that starts again brings a refused edit to no program', async () => {
  const pod = await onlyPod(ns, client, 'gated')
  const { body } = await ns.fetch(pod, '/', 8080)
  await edit(ns, 'gated', { config: 'bad' }, [pod])
  await reaches(ns, pod, 'held')
  await restartProcess('kubelet')
  await killed(ns, pod, 'gated')
  await serves(ns, pod, body)
  await reaches(ns, pod, 'held')
})

/** Does something that takes effect once more. */
async function countsMore({ name, counts }: Subject, act: () => Promise<unknown>): Promise<void> {
  const before = await counts()
  await act()
  await until(`${name} counts more`, async () =>
    (await counts()).some((count, index) => count > (before[index] ?? 0)),
  )
}
