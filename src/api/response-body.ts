/** Readers of a response's body. The API documents its shape, and only the readers here take that for granted. */
import { isObject, property } from '../workload/json-object.ts'
import { type ApiObject, withoutStrayNulls } from '../workload/pod-template.ts'

/** @returns the object of the requested type; an empty one where the body is none */
export const asObject = <T extends object = ApiObject>(body: unknown): Partial<T> =>
  isObject(body) ? (withoutStrayNulls(body) as Partial<T>) : {}

export interface ListPage<T> {
  items: readonly T[]
  /** For the next page; empty on the last one. */
  continueToken: string
  resourceVersion: string | undefined
}

/** @throws TypeError where the body is no list, so that no caller takes it for an empty one */
export function asList<T extends object = ApiObject>(body: unknown): ListPage<T> {
  const { metadata, items } = asObject<List<T>>(body)
  if (items === undefined) throw new TypeError('the response is not a list')
  return {
    items: (items ?? []).map((item) => withoutStrayNulls(item)),
    continueToken: metadata?.continue ?? '',
    resourceVersion: metadata?.resourceVersion,
  }
}

interface List<T> {
  /** client-node's V1ListMeta has another name for `continue`. */
  metadata: { continue?: string; resourceVersion?: string }
  /** Go writes an empty list as null. */
  items: T[] | null
}

/** The message of a Status, at most 300 characters of it. */
export function messageOf(body: unknown): string {
  const message = property(body, 'message')
  return typeof message === 'string' ? message.slice(0, 300) : ''
}
