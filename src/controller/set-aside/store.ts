/** The ConfigMap with the objects that are set aside, so that the next process skips them as well. The leader writes it; any replica reads it when it starts. */
import type { Api } from '../../api/api.ts'
import { readKeys, writeKeys } from '../../api/own-config-map.ts'
import type { Clock } from '../../async/clock.ts'
import { isObject, parseJson } from '../../workload/json-object.ts'
import { templateKindOf } from '../../workload/kinds.ts'
import { isLegalName } from '../../workload/object-name.ts'
import type { SetAside } from './guard.ts'

const NAME = 'hotreload-set-aside'
/** Milliseconds. Objects that are set aside together are written together. */
const WRITE_DELAY = 200
const RETRY_DELAY = 60_000

/** @throws ApiError; rejects as well without a response */
export async function readSetAside(api: Api): Promise<SetAside[]> {
  return Object.values(await readKeys(api, NAME)).flatMap((text) => {
    const value = parseJson(text)
    return isSetAside(value) ? value : []
  })
}

function isSetAside(value: unknown): value is SetAside {
  if (!isObject(value)) return false
  const texts = ['apiVersion', 'kind', 'namespace', 'name', 'uid', 'resourceVersion', 'why']
  if (!texts.every((key) => typeof value[key] === 'string')) return false
  if (!['at', 'times'].every((key) => typeof value[key] === 'number')) return false
  const { apiVersion, kind, namespace, name } = value as unknown as SetAside
  // They become part of a path that we request.
  return templateKindOf({ apiVersion, kind }) !== undefined && isLegalName(namespace) && isLegalName(name)
}

export interface SetAsideWriter {
  /** Something has changed, and is written soon. */
  touch(): void
  stop(): void
}

export interface SetAsideWriterOptions {
  api: Api
  clock: Clock
  current: () => readonly SetAside[]
  /** Asked before each write. */
  isLeading: () => boolean
  onError: (error: unknown) => void
}

/** @param stored what the ConfigMap held when this process started */
export function createSetAsideWriter(
  { api, clock, current, isLeading, onError }: SetAsideWriterOptions,
  stored: readonly SetAside[],
): SetAsideWriter {
  const textsOf = (objects: readonly SetAside[]) =>
    new Map(objects.map((object) => [object.uid, JSON.stringify(object)]))
  let written = textsOf(stored)
  let cancel: (() => void) | undefined

  function touch(delay = WRITE_DELAY): void {
    cancel ??= clock.after(delay, () => {
      cancel = undefined
      void write()
    })
  }

  async function write(): Promise<void> {
    if (!isLeading()) return
    const now = textsOf(current())
    const changed = [...now].filter(([uid, text]) => written.get(uid) !== text)
    const removed = [...written.keys()].filter((uid) => !now.has(uid)).map((uid) => [uid, null])
    if (changed.length + removed.length === 0) return
    try {
      await writeKeys(api, NAME, 'set-aside', Object.fromEntries([...changed, ...removed]))
      written = now
    } catch (error) {
      onError(error)
      touch(RETRY_DELAY)
    }
  }

  return {
    touch: () => touch(),
    stop: () => cancel?.(),
  }
}
