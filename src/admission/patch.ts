/** The patch: a difference between the object as it was received and as it should be, tried out before it is sent. */
import jsonpatch, { type Operation } from 'fast-json-patch' // a named import fails in Node: the package is CommonJS
import { type ApiObject, podTemplate } from '../workload/pod-template.ts'
import { diff } from './diff.ts'

/**
 * RFC 6902 operations from `before` to `after`, already applied to `before` to see that they do what they should: an API server rejects the
 * user's object for a patch that does not apply, whatever failurePolicy says.
 * Unchanged subtrees must be the same objects in both, or the comparison costs seven times as much. What applies it is another's code.
 * @throws Error where the result is not a Pod that could run; `before` is changed in any case.
 */
export function patchBetween(before: ApiObject, after: ApiObject): Operation[] {
  const patch = diff(before, after)
  if (patch.length === 0) return patch
  jsonpatch.applyPatch(before, patch, false, true)
  checkInvariants(before)
  return patch
}

/** Every mount has its volume, and no name is there twice: what the API server would reject the user's object for. */
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
    // A StatefulSet's claims become volumes of its Pods; they can't be seen in its template.
    const ours = volumeMounts.find((mount) => mount.name.startsWith('hotreload-') && !volumes.has(mount.name))
    if (ours) throw new Error(`container ${name} mounts ${ours.name}, which is not there`)
  }
}

function unique(what: string, names: readonly string[]): Set<string> {
  const seen = new Set(names)
  if (seen.size !== names.length) throw new Error(`a ${what} would be there twice`)
  return seen
}
