// The faults: one row each. `begin` causes it, and returns what ends it, where it does not end by itself. Both wait until it has had its effect.
import { KUBELET_DIRECTORY } from '../cluster/node.ts'
import { onNode, type ProcessName, processId, signalProcess } from '../cluster/processes.ts'
import { attempt, pause, run } from '../cluster/run.ts'
import { system } from '../support/install.ts'
import { cluster, kubectl } from '../support/kubectl.ts'
import { until } from '../support/until.ts'
import { loseAuthority, renewAuthority, renewServing } from './authority.ts'
import { setClocks } from './clock.ts'
import { CONTROLLER, drain, leader, oneReplica, partition, restart, WEBHOOK } from './replicas.ts'

export interface Fault {
  name: string
  begin: () => Promise<void | (() => Promise<void>)>
  /** Pods are refused or have no agent while it lasts: docs/limits.md has the number and the reason. */
  costsAdmissions?: true
  /** The kubelet may remove volumes that it can't update. */
  cutsPodsOff?: true
}

/** Until the API server gives up a call to the webhook (timeoutSeconds in deploy/base/webhook.yaml), and a second. */
const LAST_ANSWER_MS = 6_000

/** Kills it. @returns when the keeper has started it again */
export async function restartProcess(name: ProcessName): Promise<void> {
  const before = processId(cluster(), name)
  signalProcess(cluster(), name, 'SIGKILL')
  await until(`${name} runs again`, () => processId(cluster(), name) !== before)
}

/** Edits come meanwhile, and the kubelet tries to write them. */
const FULL_MS = 5_000

export const faults: readonly Fault[] = [
  { name: 'the API server is killed', begin: () => restartProcess('kube-apiserver') },
  {
    name: 'etcd is paused for 10 s',
    async begin() {
      signalProcess(cluster(), 'etcd', 'SIGSTOP')
      await pause(10_000)
      signalProcess(cluster(), 'etcd', 'SIGCONT')
    },
  },
  {
    name: 'every replica is rolled',
    async begin() {
      await kubectl(['rollout', 'restart', `deployment/${WEBHOOK}`, `deployment/${CONTROLLER}`, ...system])
    },
  },
  { name: 'the replicas of the webhook are drained', begin: () => drain(WEBHOOK) },
  {
    name: 'a replica of the webhook is killed',
    begin: async () => restart(await oneReplica(WEBHOOK)),
    costsAdmissions: true,
  },
  { name: 'the leader is killed', begin: async () => restart(await leader()) },
  {
    name: 'certificate and authority are renewed, and the authority is lost',
    async begin() {
      await renewServing()
      await renewAuthority()
      await loseAuthority()
    },
  },
  {
    name: 'the leader is cut off',
    async begin() {
      const before = await leader()
      const end = await partition(before)
      const isAnother = async () => (await leader()).metadata?.uid !== before.metadata?.uid
      return async () => {
        try {
          await until('another replica leads', isAnother)
        } finally {
          await end()
        }
      }
    },
  },
  {
    name: 'a replica of the webhook is cut off',
    async begin() {
      const end = await partition(await oneReplica(WEBHOOK))
      await pause(10_000)
      return async () => {
        await end()
        await pause(LAST_ANSWER_MS)
      }
    },
    costsAdmissions: true,
  },
  {
    name: 'two clocks are 2 h ahead while the certificate is renewed, then right',
    async begin() {
      const pods = [await oneReplica(WEBHOOK), await leader()]
      await setClocks(pods, 7_200)
      await renewServing()
      return () => setClocks(pods, 0)
    },
  },
  {
    name: 'the disk of the node is full',
    async begin() {
      const file = `${KUBELET_DIRECTORY}/full`
      await attempt(onNode(cluster(), ['dd', 'if=/dev/zero', `of=${file}`, 'bs=4k', 'status=none']))
      await pause(FULL_MS)
      return async () => void (await run(onNode(cluster(), ['rm', file])))
    },
    cutsPodsOff: true,
  },
  { name: 'the kubelet is killed', begin: () => restartProcess('kubelet') },
]
