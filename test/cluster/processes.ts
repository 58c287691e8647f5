// The processes of our cluster, for tests that disturb them. The keeper starts a program again that ended (keeper.ts).
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Cluster } from './cluster.ts'

export type ProcessName = 'etcd' | 'kube-apiserver' | 'kubelet' | 'containerd' | 'sandbox'

/** Where the keeper writes the process id of a program that it started. */
export const pidFile = (state: string, name: string): string => join(state, 'logs', `${name}.pid`)

/** @throws if the cluster is not ours */
export function processId(cluster: Cluster, name: ProcessName): number {
  if (!cluster.own) throw new Error('only the processes of our own cluster can be reached: unset KUBECONFIG')
  let pid = Number(readFileSync(pidFile(cluster.own.state, name), 'utf8'))
  // They wait for the program that they started in other namespaces.
  while (/^(nsenter|unshare)\n/.test(readFileSync(`/proc/${pid}/comm`, 'utf8')))
    pid = Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim())
  return pid
}

/** Sends a signal to a program, e.g. SIGSTOP to etcd. */
export function signalProcess(cluster: Cluster, name: ProcessName, signal: NodeJS.Signals): void {
  process.kill(processId(cluster, name), signal)
}

/** A command line that runs this one in the node's namespaces. */
export function onNode(cluster: Cluster, argv: readonly string[]): string[] {
  const target = `--target=${processId(cluster, 'sandbox')}`
  return ['nsenter', target, '--pid', '--mount', '--net', '--', ...argv]
}
