/** A handler's request and response, independent of the wire form of an AdmissionReview (review.ts). */
import type { ApiObject } from '../workload/pod-template.ts'
import type { Outcome } from './outcomes.ts'

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

export interface AdmissionResponse extends Outcome {
  allowed: boolean
  /** RFC 6902 operations against `request.object`, as the response carries them: JSON in base64. Absent: no patch. */
  patch?: string | undefined
  /** For the user's terminal. warnings.ts limits their number and length, and removes control characters. */
  warnings: string[]
  /** kubectl prints it if `allowed` is false. */
  message?: string
}

/** A handler of one webhook. The Pod handler answers at once; the workload handler may read ConfigMaps first. */
export type Handler = (request: AdmissionRequest) => AdmissionResponse | Promise<AdmissionResponse>
