/** The content of a ConfigMap or Secret, as the webhook and the controller read it for a checksum. Pure. */
import { textEntries } from './json-object.ts'
import type { ApiObject } from './pod-template.ts'
import type { Source } from './references.ts'

/** Of a Secret, `data` is empty: all of its content, still base64, is in `binaryData`. */
export interface ConfigContent {
  data: Readonly<Record<string, string>>
  /** Base64, as the API server sends it: equal bytes have equal text. */
  binaryData: Readonly<Record<string, string>>
  immutable: boolean
}

/**
 * Why the content is not known. `absent`: the object does not exist. `forbidden`: RBAC denies it, as it does for Secrets by default.
 * `unavailable`: there is no cluster, or the API server answered with an error or not in time.
 */
export type Unreadable = 'absent' | 'forbidden' | 'unavailable'

export function contentOf(kind: Source['kind'], object: ApiObject): ConfigContent {
  return {
    data: kind === 'Secret' ? {} : texts(object['data']),
    binaryData: texts(kind === 'Secret' ? object['data'] : object['binaryData']),
    immutable: object['immutable'] === true,
  }
}

const texts = (map: unknown): Record<string, string> => Object.fromEntries(textEntries(map))
