// Global set-up of the API tests: a control plane for each worker, or the cluster of KUBECONFIG.
import type { TestProject } from 'vitest/node'
import { acquire } from './cluster.ts'

const say = (line: string): void => console.log(`[control plane] ${line}`)

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const files = project.vitest.state.getPaths().length
  const workers = Math.min(project.config.maxWorkers, files)
  const options = { node: false, quick: true, kubernetes: project.config.env?.['KUBERNETES'], say }
  const running = await Promise.all(Array.from({ length: workers }, () => acquire(options)))
  project.provide(
    'clusters',
    running.map(({ cluster }) => cluster),
  )
  return async () => {
    await Promise.all(running.map(({ stop }) => stop()))
  }
}
