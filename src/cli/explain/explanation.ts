/**
 * What each ConfigMap and Secret that a workload uses would do to it. The plan is the webhook's (policy/decide.ts), the sentences are those
 * that its handlers answer at `kubectl apply`; nothing is decided here. Pure: object and contents in, values out.
 */
import type { Mutate } from '../../admission/answer.ts'
import { injectionOf } from '../../admission/pod-handler.ts'
import { unlabelledHandler, workloadHandler } from '../../admission/workload-handler.ts'
import { expected, observe, plannedSources } from '../../checksum/expected-checksums.ts'
import { skipReasons, unsuitable } from '../../policy/decide.ts'
import type { Defaults } from '../../policy/defaults.ts'
import { type InstallKey, sourceId, type UsedKeys } from '../../workload/checksum.ts'
import { workloadKindOf } from '../../workload/kinds.ts'
import { type ApiObject, podTemplate } from '../../workload/pod-template.ts'
import { references } from '../../workload/references.ts'
import type { ConfigContent, Unreadable } from '../../workload/source-content.ts'
import { absent, held } from './blockers.ts'
import { type Change, changeOf } from './change.ts'
import { otherTools } from './other-tools.ts'
import { asIfOptedIn, asks, planned } from './planned.ts'

export interface Explanation {
  object: { kind: string; namespace?: string; name: string }
  /** Else `changes` says what would happen with hotreload.dev/inject: "true". */
  optedIn: boolean
  /** Why its Pods get no agent; absent: they get one. */
  notInjected?: string
  changes: Change[]
  /** Mistakes, and whatever keeps all of it from happening. */
  problems: string[]
  warnings: string[]
}

/** What is known of the cluster; of manifests it is what stands beside the workload. */
export interface Surroundings {
  defaults: Defaults
  /** What a source holds, or why that is not known; undefined: nothing is known of it, and nothing said. */
  content: (used: UsedKeys) => ConfigContent | Unreadable | undefined
  /** Whether the namespace has our label; undefined: not known. */
  labelled: boolean | undefined
}

/** Hashes are compared with nothing here: any key will do. */
const ANY_KEY: InstallKey = { id: '00000000', key: new Uint8Array(32) }
const UNKNOWN: ConfigContent = { data: {}, binaryData: {}, immutable: false }

/** The sources that an explanation asks `content` for. */
export const sourcesOf = (object: ApiObject, defaults: Defaults): UsedKeys[] => {
  const { decision } = planned(asIfOptedIn(object), defaults)
  const { rollout, inPlace } = plannedSources(decision.plan)
  return [...rollout, ...inPlace]
}

/** @param object has a pod template */
export async function explain(object: ApiObject, around: Surroundings): Promise<Explanation> {
  const { kind = '', metadata = {} } = object
  const optedIn = asks(object)
  const wished = asIfOptedIn(object)
  const { decision, template, env } = planned(wished, around.defaults)
  const { problems, warnings } = await said(wished, around)
  const unlabelled =
    optedIn && around.labelled === false ? (await unlabelledHandler(requestFor(wished))).warnings : []
  const found = expected(plannedSources(decision.plan), (used) =>
    observe(used, around.content(used) ?? UNKNOWN, ANY_KEY),
  )
  const reason = unsuitable(template)
  const skip = decision.skip && skipReasons[decision.skip]
  const circumstances = {
    workload: object,
    ...(reason ? { notInjected: `Pods are not injected: ${skipReasons[reason]}` } : {}),
    immutable: new Set(found.immutable.map(sourceId)),
    forbidden: new Set(
      found.unreadable.filter(({ why }) => why === 'forbidden').map(({ used }) => sourceId(used)),
    ),
    env,
  }
  return {
    object: {
      kind,
      ...(metadata.namespace ? { namespace: metadata.namespace } : {}),
      name: metadata.name ?? metadata.generateName ?? '',
    },
    optedIn,
    ...(skip ? { notInjected: skip } : {}),
    // With mistakes the plan is not acted on.
    changes:
      problems.length > 0
        ? []
        : references(template.spec ?? { containers: [] }).map((one) =>
            changeOf(one, decision.plan, circumstances),
          ),
    problems: [...problems, ...unlabelled],
    warnings: [
      ...warnings,
      ...absent(decision, around.content),
      ...held(object, around.defaults),
      ...otherTools(object, around.defaults),
    ],
  }
}

/** The answer that `kubectl apply` of it would print. */
async function said(
  object: ApiObject,
  { defaults, content }: Surroundings,
): Promise<{ problems: string[]; warnings: string[] }> {
  if (!workloadKindOf(object)) {
    const injection = injectionOf({ ...podTemplate(object), kind: 'Pod' }, defaults, object.kind === 'Pod')
    const invalid = 'skip' in injection && injection.skip === 'invalid'
    return invalid
      ? { problems: injection.warnings, warnings: [] }
      : { problems: [], warnings: injection.warnings }
  }
  const read = (kind: 'ConfigMap' | 'Secret') => async (_namespace: string, name: string) =>
    content({ kind, name, optional: false }) ?? UNKNOWN
  const handler = workloadHandler({
    defaults: () => defaults,
    reader: { configMap: read('ConfigMap'), secret: read('Secret') },
    installKey: () => ANY_KEY,
  })
  const { allowed, message = '', warnings } = await handler(requestFor(object))
  return allowed ? { problems: [], warnings: [...warnings] } : { problems: message.split('\n'), warnings: [] }
}

const requestFor = (object: ApiObject): Parameters<Mutate>[0] => ({
  uid: '',
  kind: { group: '', version: '', kind: object.kind ?? '' },
  ...(object.metadata?.namespace ? { namespace: object.metadata.namespace } : {}),
  operation: 'CREATE',
  object,
  oldObject: null,
})
