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

/** Takes a second at most: all reads start at once, and each ends within the reader's budget. */
export async function readTemplateChecksums(
  plan: PodPlan,
  namespace: string,
  reader: ConfigReader,
  key: InstallKey | undefined,
): Promise<ExpectedChecksums> {
  const sources = plannedSources(plan)
  const observations = new Map<UsedKeys, Observation>()
  await Promise.all(
    [...sources.rollout, ...sources.inPlace].map(async (used) => {
      const content =
        used.kind === 'ConfigMap'
          ? await reader.configMap(namespace, used.name)
          : await reader.secret(namespace, used.name)
      observations.set(used, observe({ ...used, namespace }, content, key))
    }),
  )
  return expectedChecksums(sources, (used) => observations.get(used) ?? 'unavailable')
}
