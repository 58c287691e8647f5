/** The Kubernetes API as the rest of the code sees it: calls, watches and their error. src/kube implements it; a test answers from a table. */
import { UserError } from '../errors.ts'
import type { ApiObject } from '../workload/pod-template.ts'
import { messageOf } from './response-body.ts'

export interface ApiCall {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  path: string
  body?: unknown
  /** application/json by default */
  contentType?: string
  /** application/json by default */
  accept?: string
  /** 10 seconds by default (kube/client.ts) */
  timeoutMilliseconds?: number
  /** Characters; 8 MiB by default (kube/client.ts). A longer response rejects with ResponseTooLarge. */
  responseLimit?: number
  /** For a call with a deadline, such as renewing the lease: it does not queue behind calls that may take long. */
  urgent?: boolean
}

export interface ApiResponse {
  status: number
  /** Parsed JSON; undefined where the body was not JSON. */
  body: unknown
  /** From the header Retry-After, which an API server with too much to do sends with 429; absent without it. */
  retryAfterSeconds?: number
}

export interface Api {
  /** The namespace hotreload runs in, or the one a command asks about. */
  namespace: string
  /** Resolves with any status; rejects only without a response. */
  call(call: ApiCall): Promise<ApiResponse>
}

/** All objects of a kind, or those of one namespace. */
export interface Collection {
  /** e.g. /apis/apps/v1/deployments */
  path: string
  /** Requests only the objects' metadata, so that a Secret's values never reach this process. */
  metadataOnly: boolean
}

/** Receives a collection's objects. An exception is logged and swallowed: one odd object must not stop the others. */
export interface Listener {
  /**
   * An object is new or has changed. Not called for an object that a later list shows unchanged.
   * @param isKnown the watch has shown it before; false or absent: it may be new
   */
  changed(object: ApiObject, isKnown?: boolean): void
  removed(namespace: string, name: string): void
  /** A list is complete, the first or a later one. */
  listed(): void
  /**
   * The API server refused the list: 403 without the right, 404 where the kind does not exist. The watch tries again.
   * @param namespace the one that refused, where each is listed by itself
   */
  refused(status: number, namespace?: string): void
}

export interface Watch {
  /** Names of the objects in a namespace. While `changed` runs, they include the changed object's. */
  names(namespace: string): Iterable<string>
  /** When the last event, bookmark or attempt was, by systemClock.now(). */
  lastProgress(): number
  stop(): void
}

/** Lists and watches a collection until the watch is stopped. */
export type WatchCollection = (collection: Collection, listener: Listener) => Watch

/** The response is longer than the call allows. */
export class ResponseTooLarge extends Error {
  constructor(limit: number) {
    super(`response over ${limit / 1_048_576} MiB`)
    this.name = 'ResponseTooLarge'
  }
}

/** The API server's response has a status that the caller did not expect. */
export class ApiError extends UserError {
  readonly status: number

  constructor({ method, path }: ApiCall, { status, body }: ApiResponse) {
    const remedy = status === 403 ? 'grant it as deploy/base does' : 'it is tried again'
    // The API server's message quotes field values that we sent, and we never send a Secret's.
    super('HR_API', `${method} ${path}: ${status} ${messageOf(body)}`.trimEnd(), remedy)
    this.name = 'ApiError'
    this.status = status
  }
}

/** @throws ApiError where the status is not among `expected`; rejects as well without a response */
export async function send(
  api: Pick<Api, 'call'>,
  call: ApiCall,
  ...expected: number[]
): Promise<ApiResponse> {
  const response = await api.call(call)
  if (!expected.includes(response.status)) throw new ApiError(call, response)
  return response
}
