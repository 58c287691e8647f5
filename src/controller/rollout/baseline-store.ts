/** The ConfigMaps with the baselines, `hotreload-baselines-0` and on: read when leadership starts, written soon after each change. */
import type { V1ConfigMap } from '@kubernetes/client-node'
import type { Api } from '../../api/api.ts'
import { listPages } from '../../api/list.ts'
import { writeKeys } from '../../api/own-config-map.ts'
import { type Clock } from '../../async/clock.ts'
import { type Baselines, createBaselines, type ShardChange } from './baselines.ts'

const NAME = 'hotreload-baselines-'

/** ConfigMaps in one response; each may be near an object's limit, 1 MiB. */
const PAGE = 4

/**
 * Milliseconds. Changes that follow one another go into one write. A crash before it would lose them, and the next leader would record the
 * sources as they are then.
 */
const WRITE_DELAY = 200
/** The first delay after a failure; each further one is twice as long. */
const RETRY_DELAY = 2_000
const LAST_RETRY_DELAY = 60_000

/** @throws ApiError */
export async function readBaselines(api: Api): Promise<Baselines> {
  const stored = new Map<number, Record<string, string>>()
  const path = `/api/v1/namespaces/${api.namespace}/configmaps?labelSelector=hotreload.dev%2Fpart%3Dbaselines`
  for await (const items of listPages<V1ConfigMap>(api, path, PAGE)) {
    for (const item of items) {
      const shard = Number(item.metadata?.name?.slice(NAME.length))
      if (Number.isInteger(shard)) stored.set(shard, item.data ?? {})
    }
  }
  return createBaselines(stored)
}

export interface BaselineWriter {
  /** The baselines have changed, and are written soon. */
  touch(): void
  /** Writes all changes now. */
  flush(): Promise<void>
  stop(): void
}

export interface WriterOptions {
  api: Api
  clock: Clock
  baselines: Baselines
  /** Asked before each write: a former leader must not overwrite what the next one wrote. */
  isLeading: () => boolean
  onError: (error: unknown) => void
}

export function createBaselineWriter({
  api,
  clock,
  baselines,
  isLeading,
  onError,
}: WriterOptions): BaselineWriter {
  let cancel: (() => void) | undefined
  let writing: Promise<void> | undefined
  /** In a row. */
  let failures = 0

  function touch(delay = WRITE_DELAY): void {
    cancel ??= clock.after(delay, () => {
      cancel = undefined
      void flush()
    })
  }

  function flush(): Promise<void> {
    writing ??= writeAll().finally(() => {
      writing = undefined
    })
    return writing
  }

  async function writeAll(): Promise<void> {
    for (let changes = baselines.takeChanges(); changes.length > 0; changes = baselines.takeChanges()) {
      const failed = await writeShards(changes.filter(({ text }) => text !== undefined))
      // Keys are removed only after all new ones are written: a crash in between leaves an entry twice, and loses none.
      const old = changes.filter(({ text }) => text === undefined)
      failed.push(...(failed.length > 0 ? old : await writeShards(old)))
      if (failed.length === 0) {
        failures = 0
        continue
      }
      baselines.failed(failed)
      touch(Math.min(LAST_RETRY_DELAY, RETRY_DELAY * 2 ** failures))
      failures = Math.min(failures + 1, 10)
      return
    }
  }

  /** Returns the changes that failed. The other shards are written even if one is refused, for example because a user made it immutable. */
  async function writeShards(changes: readonly ShardChange[]): Promise<ShardChange[]> {
    const failed: ShardChange[] = []
    for (const [shard, ofShard] of Map.groupBy(changes, (change) => change.shard))
      try {
        if (isLeading()) await write(shard, ofShard)
      } catch (error) {
        failed.push(...ofShard)
        onError(error)
      }
    return failed
  }

  function write(shard: number, changes: ShardChange[]): Promise<void> {
    const keys = Object.fromEntries(changes.map(({ uid, text }) => [uid, text ?? null]))
    return writeKeys(api, `${NAME}${shard}`, 'baselines', keys, () => baselines.shard(shard))
  }

  return {
    touch: () => touch(),
    flush,
    stop() {
      cancel?.()
      cancel = undefined
    },
  }
}
