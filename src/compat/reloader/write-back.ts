/** The fields that Reloader writes on a rollout. Pure. */
import type { V1Container } from '@kubernetes/client-node'
import { isObject } from '../../workload/json-object.ts'
import { workloadKindOf } from '../../workload/kinds.ts'
import { type ApiObject, podTemplate } from '../../workload/pod-template.ts'
import { references } from '../../workload/references.ts'
import type { ChangedSource, ToolFields, ToolRollout } from '../request/compat-tool.ts'
import { reloaderKeys } from './annotations.ts'
import { pausePeriod } from './pause.ts'
import { withOwnKeys } from './renamed-keys.ts'

export function writeBack({ workload, changed, options, now }: ToolRollout): ToolFields {
  const containers = containersOf(workload)
  const annotations = [workload, podTemplate(workload)].map((one) =>
    withOwnKeys(one?.metadata?.annotations, options),
  )
  const fields: ToolFields =
    pausePeriod(workload.kind, ...annotations) === undefined
      ? {}
      : { metadata: { [reloaderKeys.pausedAt]: rfc3339(now) } }
  if (isRestarted(workload)) return { ...fields, spec: { restartAt: rfc3339(now) } }
  if ((options.strategy === 'annotations' || isCustom(workload)) && changed[0]) {
    const text = lastReloadedFrom(changed[0], containers, workload, now)
    return { ...fields, template: { [reloaderKeys.lastReloadedFrom]: text } }
  }
  return {
    ...fields,
    env: changed.flatMap((source) => {
      const container = containerUsing(workload, source) ?? containers[0]?.name
      return container === undefined ? [] : [{ container, name: envName(source), value: source.hash }]
    }),
  }
}

export function writtenFields(workload: ApiObject): ToolFields {
  const text = podTemplate(workload)?.metadata?.annotations?.[reloaderKeys.lastReloadedFrom]
  const spec = isObject(workload['spec']) ? workload['spec'] : {}
  const { restartAt } = spec
  return {
    template: text === undefined ? {} : { [reloaderKeys.lastReloadedFrom]: text },
    env: (isCustom(workload) ? [] : containersOf(workload)).flatMap(({ name: container, env = [] }) =>
      env.flatMap(({ name, value }) =>
        /^STAKATER_.+_(CONFIGMAP|SECRET|SECRETPROVIDERCLASS)$/.test(name) && value
          ? [{ container, name, value }]
          : [],
      ),
    ),
    spec: workload.kind === 'Rollout' && typeof restartAt === 'string' ? { restartAt } : {},
  }
}

/** Server-side apply merges containers by name for built-in kinds only: in a custom resource, one variable would replace the whole list. */
const isCustom = (workload: ApiObject): boolean => workloadKindOf(workload)?.isCustom === true

/** An Argo Rollout may be restarted instead of changed. */
const isRestarted = ({ kind, metadata }: ApiObject): boolean =>
  kind === 'Rollout' && metadata?.annotations?.[reloaderKeys.rolloutStrategy] === 'restart'

const containersOf = (workload: ApiObject): readonly V1Container[] =>
  podTemplate(workload)?.spec?.containers ?? []

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

/** The first container that uses it, mounts before variables. Undefined: at most an init container uses it. */
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

/** Seconds are enough: `2026-01-02T03:04:05Z`. */
const rfc3339 = (milliseconds: number): string => new Date(milliseconds).toISOString().replace(/\.\d+Z$/, 'Z')
