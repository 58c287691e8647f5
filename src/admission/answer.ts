/** What a handler answers: independent of AdmissionReview's wire form, which server.ts writes. */
import type { Operation } from 'fast-json-patch'
import type { ApiObject } from '../workload/pod-template.ts'

/** The part of an admission.k8s.io/v1 AdmissionRequest that hotreload reads. */
export interface AdmissionRequest {
  uid: string
  kind: { group: string; version: string; kind: string }
  name?: string
  namespace?: string
  operation: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT'
  dryRun?: boolean
  /** As the API server sent it; null on DELETE. Only its being an object is checked, none of its fields. */
  object: ApiObject | null
  /** On UPDATE and DELETE, else null. */
  oldObject: ApiObject | null
}

export interface Answer {
  allowed: boolean
  /** RFC 6902 operations against `request.object`; empty or absent: no patch. */
  patch?: Operation[]
  /** The same as the wire has it, where that is made already. */
  patchBase64?: string
  /** For the user's terminal: at most 5, each at most 120 characters, no control characters (warnings.ts sees to it). */
  warnings: string[]
  /** Shown by kubectl where `allowed` is false. */
  message?: string
  /** For logs and metrics: what happened, and for a skip the key of its reason. */
  outcome: 'injected' | 'mutated' | 'unchanged' | 'skipped' | 'denied' | 'failed'
  reason?: string
}

/** One entry of the webhook. Pods answer at once; workloads may read ConfigMaps first. */
export type Mutate = (request: AdmissionRequest) => Answer | Promise<Answer>
