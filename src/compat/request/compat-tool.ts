/** The interface of a tool whose annotations hotreload understands. compat/tools.ts lists the tools. */
import type { ApiObject } from '../../workload/pod-template.ts'
import type { SourceKind } from '../../workload/sources-in-use.ts'
import type { CompatOptions } from './options.ts'
import type { ReloadRequest, SourceMarks } from './reload-request.ts'

export interface CompatTool {
  /** The value of `ReloadRequest.tool`. */
  id: string
  /** The product's name, for people. */
  name: string
  /** The last segments of its images' names, by which `doctor` recognizes a running instance. */
  images: readonly string[]
  /** Undefined: no annotation of this tool asks for anything. Annotations that hold only mistakes are a request with problems. */
  read(workload: ApiObject, options: CompatOptions): ReloadRequest | undefined
  /** Reads a source's own annotations, for a tool that has such annotations. */
  readMarks?(source: ApiObject, options: CompatOptions): SourceMarks
  /** The fields that the tool itself would write on this rollout, since dashboards and scripts look for them. */
  writeBack(rollout: ToolRollout): ToolFields
  /** The fields that earlier rollouts wrote. */
  writtenFields(workload: ApiObject): ToolFields
}

export interface ToolRollout {
  /** The API server's present version. */
  workload: ApiObject
  changed: readonly ChangedSource[]
  /** The state that the rollout reaches. */
  checksums: ReadonlyMap<string, string>
  options: Pick<CompatOptions, 'strategy' | 'renamedKeys'>
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
