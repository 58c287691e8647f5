/** Reads the sources of a plan and computes the checksums that the template must have (checksum/expected-checksums.ts). */

import type { ConfigReader } from '../api/config-reader.ts'
import {
  type ExpectedChecksums,
  expectedChecksums,
  type Observation,
  observe,
  plannedSources,
} from '../checksum/expected-checksums.ts'
import type { PodPlan } from '../policy/plan.ts'
import type { InstallKey, UsedKeys } from '../workload/checksum.ts'

/** Of one review. A Pod that people wrote has some ten; without a bound one review could start 10,000 requests to the API server. */
const MAX_READS = 128

/** Of one review. So all of them end within a second where the API server answers within 250 ms. */
const READS_AT_ONCE = 32

/** No read starts later. Each ends within the reader's budget of a second, so the review has waited for 2 s at most. */
const LAST_START_MILLISECONDS = 1_000

/** Sources beyond MAX_READS, and those whose turn comes too late, count as unavailable: the user gets a warning about them. */
export async function readTemplateChecksums(
  plan: PodPlan,
  namespace: string,
  reader: ConfigReader,
  key: InstallKey | undefined,
): Promise<ExpectedChecksums> {
  const sources = plannedSources(plan)
  const observations = new Map<UsedKeys, Observation>()
  const last = performance.now() + LAST_START_MILLISECONDS
  // The readers share one iterator, so each takes the next source that no other took.
  const queue = [...sources.rollout, ...sources.inPlace].slice(0, MAX_READS).values()
  const readNext = async () => {
    for (const used of queue) {
      if (performance.now() > last) return
      const content =
        used.kind === 'ConfigMap'
          ? await reader.configMap(namespace, used.name)
          : await reader.secret(namespace, used.name)
      observations.set(used, observe({ ...used, namespace }, content, key))
    }
  }
  await Promise.all(Array.from({ length: READS_AT_ONCE }, readNext))
  return expectedChecksums(sources, (used) => observations.get(used) ?? 'unavailable')
}
