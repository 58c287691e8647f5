/** A ConfigMap's or Secret's content as both the webhook and the controller hash it. Pure: the object of the API in. */
import type { ApiObject } from './pod-template.ts'
import type { Source } from './references.ts'

/** Content as the API has it. Of a Secret `data` is empty and everything, still base64, is in `binaryData`. */
export interface ConfigContent {
  data: Readonly<Record<string, string>>
  /** Base64, as the API server sends it: equal bytes are equal text. */
  binaryData: Readonly<Record<string, string>>
  immutable: boolean
}

/**
 * Why there is no content. `forbidden`: RBAC says no, which for Secrets is the default. `unavailable`: no cluster, an error, or
 * no answer within the budget.
 */
export type Unreadable = 'absent' | 'forbidden' | 'unavailable'

export function contentOf(kind: Source['kind'], object: ApiObject): ConfigContent {
  return {
    data: kind === 'Secret' ? {} : texts(object['data']),
    binaryData: texts(kind === 'Secret' ? object['data'] : object['binaryData']),
    immutable: object['immutable'] === true,
  }
}

/** A map of strings that may be absent. */
function texts(map: unknown): Record<string, string> {
  if (typeof map !== 'object' || map === null) return {}
  return Object.fromEntries(
    Object.entries(map).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  )
}
