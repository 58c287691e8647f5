/** What Reloader and Wave write when they roll a workload out, so that dashboards, tests and habits find it where they look. Pure. */
import { createHash } from 'node:crypto'
import type { V1Container } from '@kubernetes/client-node'
import { formatChecksums } from '../workload/checksum.ts'
import { isObject } from '../workload/json-object.ts'
import { type ApiObject, podTemplate } from '../workload/pod-template.ts'
import { references } from '../workload/references.ts'
import type { SourceKind } from '../workload/sources-in-use.ts'
import type { CompatOptions } from './options.ts'
import type { ReloadRequest } from './reload-request.ts'
import { reloaderKeys } from './reloader/reloader.ts'
import { waveKeys } from './wave/wave.ts'

/** Parts of a server-side apply. */
export interface WrittenBack {
  /** Annotations on the workload. */
  metadata: Record<string, string>
  /** Annotations on its template. */
  template: Record<string, string>
  containers: { name: string; env: { name: string; value: string }[] }[]
  /** Fields of the workload's spec. */
  spec: Record<string, unknown>
}

export interface ChangedSource {
  kind: SourceKind
  namespace: string
  name: string
  hash: string
}

/** @param now milliseconds since 1970 */
export function writtenBack(
  workload: ApiObject,
  wish: ReloadRequest,
  changed: readonly ChangedSource[],
  checksum: ReadonlyMap<string, string>,
  { strategy }: Pick<CompatOptions, 'strategy'>,
  now: number,
): WrittenBack {
  const template = podTemplate(workload)
  const annotations = template?.metadata?.annotations ?? {}
  const containers = template?.spec?.containers ?? []
  const kept = keptEnv(containers)
  const written: WrittenBack = {
    metadata: wish.pausePeriod === undefined ? {} : { [reloaderKeys.pausedAt]: rfc3339(now) },
    template: pickKeys(annotations, [reloaderKeys.lastReloadedFrom, waveKeys.hash]),
    containers: [],
    spec: restartAt(workload),
  }
  if (wish.restart) written.spec = { restartAt: rfc3339(now) }
  else if (wish.tool === 'wave') written.template[waveKeys.hash] = waveHash(checksum)
  else if (strategy === 'annotations' && changed[0])
    written.template[reloaderKeys.lastReloadedFrom] = lastReloadedFrom(changed[0], containers, workload, now)
  else
    for (const source of changed) {
      const container = containerUsing(workload, source) ?? containers[0]?.name
      if (container !== undefined) kept.set(`${container}\n${envName(source)}`, source.hash)
    }
  written.containers = [...Map.groupBy(kept, ([key]) => key.split('\n')[0] ?? '')].map(([name, entries]) => ({
    name,
    env: entries.map(([key, value]) => ({ name: key.split('\n')[1] ?? '', value })),
  }))
  return written
}

/** Reloader's variables that are there already: an apply that left one out would take it away. */
function keptEnv(containers: readonly V1Container[]): Map<string, string> {
  return new Map(
    containers.flatMap(({ name, env = [] }) =>
      env
        .filter((one) => /^STAKATER_.+_(CONFIGMAP|SECRET|SECRETPROVIDERCLASS)$/.test(one.name) && one.value)
        .map((one): [string, string] => [`${name}\n${one.name}`, one.value ?? '']),
    ),
  )
}

function restartAt(workload: ApiObject): Record<string, unknown> {
  const spec = isObject(workload['spec']) ? workload['spec'] : {}
  return workload.kind === 'Rollout' && typeof spec['restartAt'] === 'string'
    ? { restartAt: spec['restartAt'] }
    : {}
}

/** `STAKATER_APP_CONFIG_CONFIGMAP`: capitals and digits stay, each run of anything else is one underscore (a leading one none). */
export const envName = ({ kind, name }: Pick<ChangedSource, 'kind' | 'name'>): string =>
  `STAKATER_${name
    .toUpperCase()
    .replaceAll(/[^A-Z0-9]+/g, '_')
    .replace(/^_/, '')}_${kind.toUpperCase()}`

function lastReloadedFrom(
  { kind, namespace, name, hash }: ChangedSource,
  containers: readonly V1Container[],
  workload: ApiObject,
  now: number,
): string {
  const container = containerUsing(workload, { kind, name }) ?? containers[0]?.name
  return JSON.stringify({
    type: kind.toUpperCase(),
    name,
    namespace,
    hash,
    containerRefs: container === undefined ? [] : [container],
    observedAt: Math.floor(now / 1_000),
  })
}

/** The first container that uses it, mounts before variables; one that only an init container uses is written on the first container. */
function containerUsing(
  workload: ApiObject,
  { kind, name }: Pick<ChangedSource, 'kind' | 'name'>,
): string | undefined {
  const spec = podTemplate(workload)?.spec
  if (!spec) return undefined
  const uses = references(spec).filter((use) => use.kind === kind && use.name === name && !use.init)
  const mounted = uses.find(({ as }) => as === 'volume' || as === 'subPath')
  return (mounted ?? uses[0])?.container
}

const waveHash = (checksum: ReadonlyMap<string, string>): string =>
  createHash('sha256')
    .update(formatChecksums(checksum) ?? '')
    .digest('hex')

/** Seconds are enough: `2026-01-02T03:04:05Z`. */
const rfc3339 = (milliseconds: number): string => new Date(milliseconds).toISOString().replace(/\.\d+Z$/, 'Z')

const pickKeys = (from: Readonly<Record<string, string>>, keys: readonly string[]): Record<string, string> =>
  Object.fromEntries(Object.entries(from).filter(([key]) => keys.includes(key)))
