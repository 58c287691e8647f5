/** What the controller looks for in the Pods of workloads, and when: agents with problems, and Pods without an agent. */
import type { SourceRef } from '../../workload/sources-in-use.ts'
import { type AgentProblemsOptions, createAgentProblems } from './agent-problems.ts'
import type { ConcernedVolume } from './due-volumes.ts'
import { createPodChecks, type PodChecks, type PodChecksOptions } from './pod-checks.ts'
import { createUninjectedPods, type UninjectedPodsOptions } from './uninjected.ts'

export interface CheckedPods extends Pick<PodChecks, 'startedLeading' | 'checkSoon' | 'stop'> {
  /** The workload is new, or has another spec. */
  specChanged(key: string): void
  /** The workload's agents are about to load a change. */
  sourceChanged(key: string, source: SourceRef, concerned: readonly ConcernedVolume[]): void
}

type CheckedPodsOptions = AgentProblemsOptions & UninjectedPodsOptions & Omit<PodChecksOptions, 'check'>

export function createCheckedPods(options: CheckedPodsOptions): CheckedPods {
  const problems = createAgentProblems(options)
  const uninjected = createUninjectedPods(options)
  const checks = createPodChecks({
    ...options,
    check(workload, pods) {
      uninjected.listed(workload, pods)
      return problems.check(workload, pods)
    },
  })
  return {
    ...checks,
    specChanged(key) {
      uninjected.checkSoon(key)
      checks.checkSoon(key)
    },
    sourceChanged(key, ...change) {
      problems.changed(key, ...change)
      checks.sourceChanged(key)
    },
    stop() {
      uninjected.stop()
      checks.stop()
    },
  }
}
