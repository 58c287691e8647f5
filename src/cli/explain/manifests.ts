/** Explains the workloads of manifests, without a cluster. */
import { templatelessWarnings } from '../../admission/workload-warnings.ts'
import { UserError } from '../../errors.ts'
import type { Defaults } from '../../policy/defaults.ts'
import { isObject, withoutNulls } from '../../workload/json-object.ts'
import { workloadKindOf } from '../../workload/kinds.ts'
import { type ApiObject, podTemplate } from '../../workload/pod-template.ts'
import { contentOf } from '../../workload/source-content.ts'
import { mistypedAnnotations } from '../shared/annotation-text.ts'
import { malformed, mapObjects } from '../shared/manifest.ts'
import type { QueryOptions } from '../shared/query-flags.ts'
import type { QueryIo } from '../shared/query-output.ts'
import { readManifests } from '../shared/read-manifests.ts'
import { type Explanation, explain, type Surroundings } from './explanation.ts'

/** @param refuse gets the mistake of each document that can't be read */
export async function explainFiles(
  files: readonly string[],
  defaults: Defaults,
  { namespace }: QueryOptions,
  { stdin }: QueryIo,
  refuse: (mistake: UserError) => void,
): Promise<Explanation[]> {
  const manifests = (await Promise.all(files.map((file) => readManifests(file, stdin)))).flat()
  const objects: ApiObject[] = []
  let isRefused = false
  for (const { file, stream } of manifests)
    mapObjects(
      stream,
      file,
      (object) => {
        objects.push(withoutNulls(object))
        return object
      },
      (mistake) => {
        isRefused = true
        refuse(mistake)
      },
    )
  const found = objects.filter((object) => podTemplate(object) || isIdleWithoutTemplate(object))
  if (found.length === 0 && !isRefused)
    throw new UserError('HR_NO_MANIFESTS', `-f: no workload in ${files.join(', ')}`, 'name a file with one')
  return found.map((object) => explainManifest(object, surroundingsIn(objects, object, defaults), namespace))
}

/** An opt-in that does nothing: the template is another object's. */
const isIdleWithoutTemplate = (object: ApiObject): boolean =>
  workloadKindOf(object) !== undefined && !podTemplate(object) && templatelessWarnings(object).length > 0

/** Takes the content of a workload's ConfigMaps and Secrets from the same manifests. */
function surroundingsIn(
  objects: readonly ApiObject[],
  { metadata }: ApiObject,
  defaults: Defaults,
): Surroundings {
  const namespace = metadata?.namespace
  return {
    defaults,
    labelled: undefined,
    content({ kind, name }) {
      const one = objects.find(
        (other) =>
          other.kind === kind &&
          other.metadata?.name === name &&
          (other.metadata.namespace ?? namespace) === (namespace ?? other.metadata.namespace),
      )
      return one && contentOf(kind, one)
    },
  }
}

function explainManifest(object: ApiObject, around: Surroundings, namespace?: string): Explanation {
  const places = [object.metadata, podTemplate(object)?.metadata].filter(isObject)
  const mistyped = new Set(
    places.flatMap(({ annotations }) => mistypedAnnotations(annotations)).map(({ message }) => message),
  )
  const placed = namespace === undefined ? object : { ...object, metadata: { namespace, ...object.metadata } }
  if (!podTemplate(object)) return refused(placed, templatelessWarnings(object))
  if (mistyped.size === 0) return explainIfWellFormed(placed, around)
  return refused(placed, [...mistyped])
}

function explainIfWellFormed(object: ApiObject, around: Surroundings): Explanation {
  try {
    const explanation = explain(object, around)
    // `name: 5` of a container gets through the plan, but through no table.
    if (explanation.changes.every(({ container }) => typeof container === 'string')) return explanation
    return refused(object, [malformed(object).message])
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    return refused(object, [malformed(object).message])
  }
}

function refused({ kind = '', metadata = {} }: ApiObject, problems: string[]): Explanation {
  const named = {
    kind,
    ...(metadata.namespace ? { namespace: metadata.namespace } : {}),
    name: metadata.name ?? '',
  }
  return { object: named, optedIn: false, changes: [], problems, warnings: [] }
}
