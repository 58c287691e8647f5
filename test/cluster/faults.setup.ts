// Global set-up of the tests with faults: a node of our own, since they disturb its programs, with a file system for Pods' volumes that they fill.
import type { TestProject } from 'vitest/node'
import { startCluster } from './cluster.ts'

const say = (line: string): void => console.log(`[node] ${line}`)

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { cluster, stop } = await startCluster({ node: true, faults: true, say })
  project.provide('clusters', [cluster])
  return stop
}
