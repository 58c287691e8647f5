/** The tools whose annotations hotreload understands, in order of precedence. Another tool is a folder and a row. Pure. */
import { type ApiObject, controller, podTemplate, templateOwner } from '../workload/pod-template.ts'
import { reloader } from './reloader/reloader.ts'
import type { CompatTool, ToolFields, ToolRollout } from './request/compat-tool.ts'
import type { CompatOptions } from './request/options.ts'
import { hasRequest, type ReloadRequest, type SourceMarks } from './request/reload-request.ts'
import { wave } from './wave/wave.ts'

/** Reloader comes before Wave, because it is still maintained. */
export const tools: readonly CompatTool[] = [reloader, wave]

/** The first tool's request that asks for anything, with the problems of those before it. */
export function readRequest(workload: ApiObject, options: CompatOptions): ReloadRequest | undefined {
  const { kind = '' } = workload
  const isOwnedJob = kind === 'Job' && controller(workload.metadata) !== undefined
  if (isOwnedJob || options.ignoredWorkloads.has(kind)) return undefined
  let found: ReloadRequest | undefined
  for (const tool of tools) {
    const request = tool.read(workload, options)
    if (!request) continue
    found = found ? { ...request, problems: [...found.problems, ...request.problems] } : request
    if (hasRequest(request)) break
  }
  if (!found) return undefined
  const owner = podTemplate(workload)
    ? []
    : [`annotate ${templateOwner(workload)} in place of this ${kind}, which has no pod template`]
  return { ...found, problems: firstOf([...owner, ...found.problems]).map(withoutControls) }
}

/** Each sentence is an Event. */
const MOST_PROBLEMS = 5

/** They quote what anybody may write, and a terminal shows them. */
const withoutControls = (sentence: string): string => sentence.replaceAll(/\p{Cc}/gu, '\u{FFFD}')

const firstOf = (problems: readonly string[]): readonly string[] =>
  problems.length <= MOST_PROBLEMS
    ? problems
    : [
        ...problems.slice(0, MOST_PROBLEMS),
        `${problems.length - MOST_PROBLEMS} more mistakes in annotations of other tools`,
      ]

/** The marks of a ConfigMap, Secret or SecretProviderClass, for any of the tools. */
export function readMarks(source: ApiObject, options: CompatOptions): SourceMarks {
  const marks = tools.flatMap((tool) => tool.readMarks?.(source, options) ?? [])
  return { ignored: marks.some(({ ignored }) => ignored), match: marks.some(({ match }) => match) }
}

/** Parts of a server-side apply. */
export interface WrittenFields {
  /** Annotations on the workload. */
  metadata: Record<string, string>
  /** Annotations on its template. */
  template: Record<string, string>
  containers: { name: string; env: { name: string; value: string }[] }[]
  /** Fields of the workload's spec. */
  spec: Record<string, unknown>
}

/** The fields of a rollout for this tool, and those of earlier rollouts: an apply without them would remove them. */
export function writeBack({ tool }: Pick<ReloadRequest, 'tool'>, rollout: ToolRollout): WrittenFields {
  const kept = tools.map((one) => one.writtenFields(rollout.workload))
  const written = tools.filter(({ id }) => id === tool).map((one) => one.writeBack(rollout))
  return merge([...kept, ...written])
}

/** Later fields replace earlier ones of the same name. */
function merge(all: readonly ToolFields[]): WrittenFields {
  const env = new Map(
    all.flatMap((fields) => fields.env ?? []).map((one) => [`${one.container}\n${one.name}`, one]),
  )
  return {
    metadata: Object.fromEntries(all.flatMap(({ metadata = {} }) => Object.entries(metadata))),
    template: Object.fromEntries(all.flatMap(({ template = {} }) => Object.entries(template))),
    containers: [...Map.groupBy(env.values(), ({ container }) => container)].map(([name, entries]) => ({
      name,
      env: entries.map(({ name: variable, value }) => ({ name: variable, value })),
    })),
    spec: Object.fromEntries(all.flatMap(({ spec = {} }) => Object.entries(spec))),
  }
}
