/** Reads what a template's checksum is made of. What it must say then is stamp/expected.ts, which the controller shares. */

import type { ConfigReader } from '../api/config-reader.ts'
import { expected, type Observation, observe, plannedSources } from '../checksum/expected-checksums.ts'
import { classifyReferences } from '../policy/classify-references.ts'
import type { PodPlan } from '../policy/plan.ts'
import { formatChecksums, type InstallKey, type UsedKeys } from '../workload/checksum.ts'
import type { Unreadable } from '../workload/source-content.ts'

export interface Stamp {
  /** The annotation's value; undefined: nothing needs a rollout. */
  checksum: string | undefined
  warnings: string[]
}

/** A second at most: all reads start at once, and each ends within the reader's budget. */
export async function readTemplateChecksum(
  plan: PodPlan,
  namespace: string,
  reader: ConfigReader,
  key: InstallKey | undefined,
): Promise<Stamp> {
  const sources = plannedSources(plan)
  const observations = new Map<UsedKeys, Observation>()
  await Promise.all(
    [...sources.rollout, ...sources.inPlace].map(async (used) => {
      const content =
        used.kind === 'ConfigMap'
          ? await reader.configMap(namespace, used.name)
          : await reader.secret(namespace, used.name)
      observations.set(used, observe(used, content, key))
    }),
  )
  const { hashes, unreadable, immutable } = expected(
    sources,
    (used) => observations.get(used) ?? 'unavailable',
  )
  return {
    checksum: formatChecksums(hashes),
    warnings: [
      ...unreadable.map(({ used, why }) => unreadableWarning(used, why, namespace, plan)),
      ...immutable.map(
        ({ kind, name }) =>
          `${kind} ${name} is immutable, so it can't be updated in running Pods; a new one rolls out`,
      ),
    ],
  }
}

function unreadableWarning(
  { kind, name }: UsedKeys,
  why: Unreadable,
  namespace: string,
  plan: PodPlan,
): string {
  if (kind === 'ConfigMap' || why === 'unavailable')
    return `${kind} ${name} could not be read; its next change rolls out when the workload is applied again`
  const as = classifyReferences(plan)
    .rollout.find((reference) => reference.kind === kind && reference.name === name)
    ?.as.replace('envFrom', 'env')
  return `Secret ${name} is used by ${as} but may not be read: apply deploy/secrets in namespace ${namespace}, or nothing rolls out`
}
