/** Says in words what the annotations of Stakater Reloader or Wave add, as the controller reads them. Pure. */
import { defaultCompatOptions } from '../../compat/request/options.ts'
import type { Candidate } from '../../compat/request/reload-request.ts'
import { tools } from '../../compat/tools.ts'
import { usedSources } from '../../controller/decide/used-sources.ts'
import { summarize } from '../../controller/decide/workload-summary.ts'
import type { Defaults } from '../../policy/defaults.ts'
import type { ApiObject } from '../../workload/pod-template.ts'
import { idIn } from '../../workload/sources-in-use.ts'

/** The sources that those annotations name in full. */
export function followedSources(workload: ApiObject, defaults: Defaults): Candidate[] {
  const summary = summarize(workload, { defaults, compat: defaultCompatOptions })
  return summary
    ? usedSources(
        summary,
        { native: summary.native !== undefined, compat: true, isNamespace: () => true },
        () => [],
      ).compat
    : []
}

/**
 * Sentences; none if the workload has no such annotations. A pattern is only named, since its matches are known only in the cluster.
 * @param forbidden ids of Secrets that hotreload may not read, so that their changes roll nothing out
 */
export function otherTools(
  workload: ApiObject,
  defaults: Defaults,
  forbidden: ReadonlySet<string> = new Set(),
): string[] {
  const summary = summarize(workload, { defaults, compat: defaultCompatOptions })
  if (!summary?.compat) return []
  const { tool, problems } = summary.compat
  const readable = followedSources(workload, defaults).filter(
    ({ use }) => !forbidden.has(idIn(summary.namespace, use)),
  )
  const sources = readable.map(
    ({ use, needsMatch }) =>
      idIn(summary.namespace, use) + (needsMatch ? ' (if it has reloader.stakater.com/match: "true")' : ''),
  )
  const patterns = [...summary.compat.lists].flatMap(([kind, items]) =>
    items.filter(({ matches }) => matches).map(({ text }) => `any ${kind} named ${text}`),
  )
  const followed = [...sources, ...patterns]
  const rolls = `annotations of ${tools.find(({ id }) => id === tool)?.name}, which hotreload follows: a change of ${followed.join(', ')} rolls out`
  return [...problems, ...(followed.length > 0 ? [rolls] : [])]
}
