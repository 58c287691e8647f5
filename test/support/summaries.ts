/** Workloads as in the controller's cache, read from small objects. */
import { type CompatOptions, defaultCompatOptions } from '../../src/compat/request/options.ts'
import type { Workload } from '../../src/controller/cache/workloads.ts'
import { diffSources, type SourceDiff, type SourceState } from '../../src/controller/decide/source-diff.ts'
import { allUses, usedSources } from '../../src/controller/decide/used-sources.ts'
import { summarize, type WorkloadSummary } from '../../src/controller/decide/workload-summary.ts'
import { builtInDefaults } from '../../src/policy/defaults.ts'
import { keys, nginx, podSpec, type WorkloadParts, workload } from './builders.ts'

/** A Deployment in resourceVersion 7 that rolls out for its ConfigMap `web`, because its program is unknown. Parts replace parts. */
export function summaryOf(parts: WorkloadParts = {}, compat?: Partial<CompatOptions>): WorkloadSummary {
  const object = workload({
    template: keys({ inject: 'true' }),
    spec: podSpec({ containers: [nginx({ image: 'shop/app:1' })] }),
    ...parts,
    metadata: { uid: 'u-web', resourceVersion: '7', ...parts.metadata },
  })
  const options = { defaults: builtInDefaults, compat: { ...defaultCompatOptions, ...compat } }
  const summary = summarize(object, options)
  if (!summary) throw new Error('the workload requests nothing')
  return summary
}

export const KEY = 'Deployment/shop/web'

export const workloadOf = (parts: WorkloadParts = {}): Workload => ({
  key: KEY,
  summary: summaryOf(parts),
  running: undefined,
})

/** A source that was read and has this checksum. */
export const sourceState = (hash: string, change: Partial<SourceState> = {}): SourceState => ({
  observed: { hash, immutable: false },
  marks: { ignored: false, match: false },
  isPaused: false,
  replacesImmutable: false,
  sharedWith: new Set(),
  ...change,
})

/** A diff in which every source that the workload uses has changed from `old` to `new`. */
export function changedDiff(summary: WorkloadSummary): SourceDiff {
  const used = usedSources(summary, { native: true, compat: true, isNamespace: () => true }, () => [])
  const baseline = new Map(
    allUses(used).flatMap(({ kind, name }): [string, string][] => [
      [`${kind}/${name}`, 'old'],
      [`compat:${kind}/${name}`, 'old'],
    ]),
  )
  return diffSources(summary, used, {
    stateOf: () => sourceState('new'),
    baseline,
    installKey: undefined,
    compat: defaultCompatOptions,
  })
}
