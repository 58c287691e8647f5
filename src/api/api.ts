/** What the controller asks of the API server. The interfaces only; src/kube/ answers them, a test from a table. */
import type { ApiObject } from '../workload/pod-template.ts'

export interface ApiCall {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  path: string
  body?: unknown
  contentType?: string
  accept?: string
  timeoutMilliseconds?: number
}

export interface ApiResponse {
  status: number
  body: unknown
}

export interface Api {
  /** Our own namespace. */
  namespace: string
  /** Any status is a response; only a call that got none rejects. */
  call(call: ApiCall): Promise<ApiResponse>
}

/** All objects of a kind, or those of one namespace. */
export interface Collection {
  /** e.g. /apis/apps/v1/deployments */
  path: string
  /** Only the objects' metadata is asked for: a Secret's value never comes here. */
  metadataOnly: boolean
}

/** Told of a collection's objects. What it throws is logged and goes no further: one odd object must not stop the others. */
export interface Observer {
  /** New or changed; an object that a new list shows unchanged is not told again. */
  changed(object: ApiObject): void
  removed(namespace: string, name: string): void
  /** A list is complete, the first or a later one. */
  listed(): void
  /** The list was refused: 403 without the right, 404 where the kind does not exist. It is tried again. */
  refused(status: number): void
}

export interface Watch {
  /** Names of a namespace's objects as last told: within `changed` the object's own is among them. */
  names(namespace: string): Iterable<string>
  /** When something last moved, in milliseconds since 1970: an event, a bookmark, a try. */
  lastProgress(): number
  stop(): void
}

export type WatchCollection = (collection: Collection, observer: Observer) => Watch

/** An answer that is none of those expected. */
export class UnexpectedAnswer extends Error {
  readonly status: number

  constructor({ method, path }: ApiCall, { status, body }: ApiResponse) {
    const message = typeof body === 'object' && body !== null && 'message' in body ? String(body.message) : ''
    // A message of the API server quotes field values of what we sent, which is never a Secret's.
    super(`${method} ${path}: ${status} ${message.slice(0, 300)}`)
    this.name = 'UnexpectedAnswer'
    this.status = status
  }
}

/** @throws UnexpectedAnswer where the status is none of `expected`, or that there was no answer */
export async function send(api: Api, call: ApiCall, ...expected: number[]): Promise<ApiResponse> {
  const response = await api.call(call)
  if (!expected.includes(response.status)) throw new UnexpectedAnswer(call, response)
  return response
}
