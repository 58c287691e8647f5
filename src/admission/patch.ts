/** The patch: the difference between the object as the webhook received it and as it should be, tested before it is sent. */
import jsonpatch, { type Operation } from 'fast-json-patch' // a named import fails in Node: the package is CommonJS
import { type ApiObject, podTemplate } from '../workload/pod-template.ts'
import { diff } from './diff.ts'

/**
 * RFC 6902 operations from `before` to `after`, both of which stay as they are. A foreign library applies them to a copy first, because an
 * API server rejects the user's object for a patch that does not apply, whatever failurePolicy says.
 * Unchanged subtrees must be the same objects in both, or the comparison costs seven times as much.
 * @throws Error if the patch does not apply, or its result is not a Pod that could run
 */
export function patchBetween(before: ApiObject, after: ApiObject): Operation[] {
  const { operations, copy } = diff(before, after)
  if (operations.length === 0) return operations
  jsonpatch.applyPatch(copy, operations, false, true)
  checkInvariants(copy)
  return operations
}

/** As `response.patch` requires it; undefined: nothing changes. */
export const encode = (patch: readonly Operation[]): string | undefined =>
  patch.length === 0 ? undefined : Buffer.from(JSON.stringify(patch)).toString('base64')

/** Every mount has its volume, and no name occurs twice. Otherwise the API server would reject the user's object. */
function checkInvariants(object: ApiObject): void {
  const spec = podTemplate(object)?.spec
  if (!spec) throw new Error('the patch lost the pod template')
  const containers = [...(spec.initContainers ?? []), ...spec.containers]
  unique(
    'container',
    containers.map(({ name }) => name),
  )
  const volumes = unique(
    'volume',
    (spec.volumes ?? []).map(({ name }) => name),
  )
  for (const { name, volumeMounts = [] } of containers) {
    unique(
      `mount of container ${name}`,
      volumeMounts.map(({ mountPath }) => mountPath),
    )
    // A StatefulSet's claims become volumes of its Pods, but are not in its template.
    const ours = volumeMounts.find((mount) => mount.name.startsWith('hotreload-') && !volumes.has(mount.name))
    if (ours) throw new Error(`container ${name} mounts ${ours.name}, which does not exist`)
  }
}

function unique(what: string, names: readonly string[]): Set<string> {
  const seen = new Set(names)
  if (seen.size !== names.length) throw new Error(`a ${what} would exist twice`)
  return seen
}
