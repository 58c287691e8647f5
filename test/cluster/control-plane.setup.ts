// Global set-up of the API tests: a control plane for the run, or the cluster of KUBECONFIG.
import type { TestProject } from 'vitest/node'
import { acquire } from './cluster.ts'

const say = (line: string): void => console.log(`[control plane] ${line}`)

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { cluster, stop } = await acquire({ node: false, say })
  project.provide('cluster', cluster)
  return stop
}
