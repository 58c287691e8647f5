/** What Stakater Reloader's or Wave's annotations add: the controller's own reading of them, in words. Pure. */
import { defaultCompatOptions } from '../../controller/compat/options.ts'
import { usedBy } from '../../controller/evaluation.ts'
import { idIn } from '../../controller/sources-in-use.ts'
import { factsOf } from '../../controller/workload-facts.ts'
import type { Defaults } from '../../policy/defaults.ts'
import type { ApiObject } from '../../workload/pod-template.ts'

const names = { reloader: 'Stakater Reloader', wave: 'Wave' } as const

/** Sentences; none where the workload has no such annotations. Of lists only what they name in full is known here. */
export function otherTools(workload: ApiObject, defaults: Defaults): string[] {
  const facts = factsOf(workload, { defaults, compat: defaultCompatOptions })
  if (!facts?.compat) return []
  const { tool, problems } = facts.compat
  const acting = { native: facts.native !== undefined, compat: true }
  const sources = usedBy(facts, acting, () => []).compat.map(
    ({ use, needsMatch }) => idIn(facts.namespace, use) + (needsMatch ? ' (if it says match)' : ''),
  )
  const rolls = `annotations of ${names[tool]}, which hotreload follows: a change of ${sources.join(', ')} rolls out`
  return [...problems, ...(sources.length > 0 ? [rolls] : [])]
}
