import { expect, test } from 'vitest'
import { createWorkloads } from '../../../src/controller/cache/workloads.ts'
import type { WorkloadSummary } from '../../../src/controller/decide/workload-summary.ts'
import { workload } from '../../support/builders.ts'
import { fakeClock } from '../../support/fake-clock.ts'

test('a workload that was recreated under its name has a rollout of its own', async () => {
  const clock = fakeClock()
  const summarize = ({ metadata = {} }: ReturnType<typeof workload>) =>
    ({
      uid: metadata.uid,
      resourceVersion: metadata.resourceVersion,
      generation: 1,
      progress: 'running',
    }) as WorkloadSummary
  const workloads = createWorkloads({ clock, summarize, onChange() {} })
  const web = (uid: string, resourceVersion: string) => workload({ metadata: { uid, resourceVersion } })
  workloads.put(web('old', '1'))
  const startedAt = clock.now()
  await clock.advance(599_000)
  workloads.put(web('old', '2'))
  expect(workloads.get('Deployment/shop/web')?.runningSince).toBe(startedAt)
  // Deleted and recreated while the watch was interrupted: the new list shows only the second.
  workloads.put(web('new', '3'))
  expect(workloads.get('Deployment/shop/web')?.runningSince).toBe(clock.now())
})
