// The faults: one row each. `begin` causes it, and returns what ends it, where it does not end by itself.
import { KUBELET_DIRECTORY } from '../cluster/node.ts'
import { onNode, signalProcess } from '../cluster/processes.ts'
import { attempt, pause, run } from '../cluster/run.ts'
import { system } from '../support/install.ts'
import { cluster, kubectl } from '../support/kubectl.ts'
import { loseAuthority, renewAuthority, renewServing } from './authority.ts'
import { setClocks } from './clock.ts'
import { CONTROLLER, drain, kill, leader, oneReplica, partition, WEBHOOK } from './replicas.ts'

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

export const faults: readonly Fault[] = [
  {
    name: 'the API server is killed',
    begin: async () => signalProcess(cluster(), 'kube-apiserver', 'SIGKILL'),
  },
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
    begin: async () => kill(await oneReplica(WEBHOOK)),
    costsAdmissions: true,
  },
  { name: 'the leader is killed', begin: async () => kill(await leader()) },
  { name: 'the certificate is renewed', begin: renewServing },
  { name: 'the authority is renewed', begin: renewAuthority },
  { name: 'the authority is lost', begin: loseAuthority },
  {
    name: 'the leader is cut off',
    async begin() {
      const end = await partition(await leader())
      await pause(20_000)
      return end
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
    name: 'two clocks are 2 h ahead, then right',
    async begin() {
      const pods = [await oneReplica(WEBHOOK), await leader()]
      await setClocks(pods, 7_200)
      return () => setClocks(pods, 0)
    },
  },
  {
    name: 'the disk of the node is full',
    async begin() {
      const file = `${KUBELET_DIRECTORY}/full`
      await attempt(onNode(cluster(), ['dd', 'if=/dev/zero', `of=${file}`, 'bs=4k', 'status=none']))
      return async () => void (await run(onNode(cluster(), ['rm', file])))
    },
    cutsPodsOff: true,
  },
  { name: 'the kubelet is killed', begin: async () => signalProcess(cluster(), 'kubelet', 'SIGKILL') },
]
