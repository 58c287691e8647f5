/** What a tool whose annotations hotreload understands has to provide. compat/tools.ts lists them. */
import type { ApiObject } from '../../workload/pod-template.ts'
import type { SourceKind } from '../../workload/sources-in-use.ts'
import type { CompatOptions } from './options.ts'
import type { ReloadRequest, SourceMarks } from './reload-request.ts'

export interface CompatTool {
  /** As `ReloadRequest.tool` has it. */
  id: string
  /** The product's name, for people. */
  name: string
  /** Last segments of its images' names: by them `doctor` recognizes a running one. */
  images: readonly string[]
  /** Undefined: no annotation of this tool asks for anything. Mistakes alone are a request, so that its problems are reported. */
  read(workload: ApiObject, options: CompatOptions): ReloadRequest | undefined
  /** What a source's own annotations say; a tool without such annotations leaves it out. */
  readMarks?(source: ApiObject, options: CompatOptions): SourceMarks
  /** The fields that one rollout writes, so that dashboards, tests and habits find what they found before. */
  writeBack(rollout: ToolRollout): ToolFields
  /** The fields that earlier rollouts wrote. */
  writtenFields(workload: ApiObject): ToolFields
}

export interface ToolRollout {
  /** As the API server has it now. */
  workload: ApiObject
  changed: readonly ChangedSource[]
  /** The state that the rollout reaches. */
  checksums: ReadonlyMap<string, string>
  options: Pick<CompatOptions, 'strategy'>
  /** Milliseconds since 1970. */
  now: number
}

export interface ChangedSource {
  kind: SourceKind
  namespace: string
  name: string
  hash: string
}

/** Parts of a server-side apply. */
export interface ToolFields {
  /** Annotations on the workload. */
  metadata?: Readonly<Record<string, string>>
  /** Annotations on its template. */
  template?: Readonly<Record<string, string>>
  /** Variables in the template. */
  env?: readonly { container: string; name: string; value: string }[]
  /** Fields of the workload's spec. */
  spec?: Readonly<Record<string, unknown>>
}
