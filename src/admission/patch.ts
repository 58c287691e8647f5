/** The patch: the difference between the object as the webhook received it and as it should be, tested before it is sent. */
import jsonpatch, { type Operation } from 'fast-json-patch' // a named import fails in Node: the package is CommonJS
import { type ApiObject, podTemplate } from '../workload/pod-template.ts'
import { type Container, diff, isContainer } from './diff.ts'

/**
 * RFC 6902 operations from `before` to `after`, both of which stay as they are. A foreign library applies them to a copy first, because an
 * API server rejects the user's object for a patch that does not apply, whatever failurePolicy says.
 * Unchanged subtrees must be the same objects in both, or the comparison costs seven times as much.
 * @throws Error if the patch does not apply, or its result is not a Pod that could run
 */
export function patchBetween(before: ApiObject, after: ApiObject): Operation[] {
  const patch = diff(before, after)
  if (patch.length === 0) return patch
  const copy = copyAlong(before, patch)
  jsonpatch.applyPatch(copy, patch, false, true)
  checkInvariants(copy)
  return patch
}

/** A copy of `object` that shares every subtree which `patch` does not touch: a full copy takes ten times as long. */
function copyAlong(object: ApiObject, patch: readonly Operation[]): ApiObject {
  const root = { ...object }
  const copies = new Map<string, Container>([['', root]])
  const copyAt = (path: string): Container => {
    const known = copies.get(path)
    if (known) return known
    const parent = copyAt(parentOf(path))
    const name = path.slice(path.lastIndexOf('/') + 1)
    const key = name.includes('~') ? jsonpatch.unescapePathComponent(name) : name
    const child = parent[key]
    // Nothing to copy: applyPatch throws.
    if (!isContainer(child)) return {}
    const copy = (Array.isArray(child) ? child.slice() : { ...child }) as Container
    parent[key] = copy
    copies.set(path, copy)
    return copy
  }
  for (const { path } of patch) copyAt(parentOf(path))
  return root
}

const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('/'))

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
