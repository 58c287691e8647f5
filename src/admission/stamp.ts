/** Reads what a template's checksum is made of. The hashing is workload/checksum.ts; which references count is the plan's. */
import type { PodPlan } from '../policy/decide.ts'
import {
  ABSENT,
  checksum,
  formatChecksums,
  type InstallKey,
  sourceId,
  type UsedKeys,
  usedKeys,
} from '../workload/checksum.ts'
import type { ConfigReader, ConfigContent, Unreadable } from './config-reader.ts'

export interface Stamp {
  /** The annotation's value; undefined: nothing needs a rollout. */
  checksum: string | undefined
  warnings: string[]
}

/** A second at most: all reads start at once, and each ends within the reader's budget. */
export async function stampOf(
  plan: PodPlan,
  namespace: string,
  reader: ConfigReader,
  key: InstallKey | undefined,
): Promise<Stamp> {
  const rolling = usedKeys(plan.rollouts)
  const living = usedKeys(plan.live)
  const read = ({ kind, name }: UsedKeys) =>
    kind === 'ConfigMap' ? reader.configMap(namespace, name) : reader.secret(namespace, name)
  const [rollingContents, livingContents] = await Promise.all([
    Promise.all(rolling.map(read)),
    Promise.all(living.map(read)),
  ])

  const hashes = new Map<string, string>()
  const warnings: string[] = []
  for (const [index, used] of rolling.entries()) {
    const content = rollingContents[index] ?? 'unavailable'
    const hash = hashOf(used, content, key)
    if (hash === undefined) warnings.push(unreadable(used, content, namespace, plan))
    else hashes.set(sourceId(used), hash)
  }
  // The kubelet never looks at an immutable object again: a new one of the same name reaches new Pods only.
  for (const [index, used] of living.entries()) {
    const content = livingContents[index]
    if (typeof content !== 'object' || !content.immutable) continue
    const hash = hashOf(used, content, key)
    if (hash !== undefined && !hashes.has(sourceId(used))) hashes.set(sourceId(used), hash)
    warnings.push(
      `${used.kind} ${used.name} is immutable, so it can't be updated in running Pods; a new one rolls out`,
    )
  }
  return { checksum: formatChecksums(hashes), warnings }
}

function hashOf(
  used: UsedKeys,
  content: ConfigContent | Unreadable,
  key: InstallKey | undefined,
): string | undefined {
  if (content === 'absent') return ABSENT
  if (typeof content === 'string' || (used.kind === 'Secret' && !key)) return undefined
  return checksum(used, content, key)
}

function unreadable(
  { kind, name }: UsedKeys,
  content: ConfigContent | Unreadable,
  namespace: string,
  plan: PodPlan,
): string {
  if (kind === 'ConfigMap' || content === 'unavailable')
    return `${kind} ${name} could not be read; its next change rolls out when the workload is applied again`
  const as = plan.rollouts
    .find((reference) => reference.kind === kind && reference.name === name)
    ?.as.replace('envFrom', 'env')
  return `Secret ${name} is used by ${as} but may not be read: apply deploy/secrets in namespace ${namespace}, or nothing rolls out`
}
