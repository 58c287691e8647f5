// Global set-up of the node tests: a control plane with a node for the run, or the cluster of KUBECONFIG.
import type { TestProject } from 'vitest/node'
import { acquire } from './cluster.ts'

const say = (line: string): void => console.log(`[node] ${line}`)

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { cluster, stop } = await acquire({ node: true, say })
  project.provide('clusters', [cluster])
  return stop
}
