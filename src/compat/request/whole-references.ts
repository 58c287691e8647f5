/** The objects that a Pod's spec refers to, as other tools count them: with all keys, whichever a container uses. Pure. */
import type { V1PodSpec } from '@kubernetes/client-node'
import { references } from '../../workload/references.ts'
import type { SourceKind, Use } from '../../workload/sources-in-use.ts'

/** Each object once with all of its keys; a volume counts where a container mounts it. */
export function wholeReferences(spec: V1PodSpec | undefined, namespace: string): Use[] {
  const found = new Map<string, Use>()
  const add = (kind: SourceKind, name: string, optional: boolean) => {
    const earlier = found.get(`${kind}/${name}`)
    found.set(`${kind}/${name}`, { kind, namespace, name, optional: optional && (earlier?.optional ?? true) })
  }
  if (spec) for (const { kind, name, optional } of references(spec)) add(kind, name, optional)
  const containers = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])]
  const mounted = new Set(
    containers.flatMap(({ volumeMounts }) => (volumeMounts ?? []).map((mount) => mount.name)),
  )
  for (const volume of spec?.volumes ?? []) {
    const name = volume.csi?.volumeAttributes?.['secretProviderClass']
    if (name !== undefined && mounted.has(volume.name)) add('SecretProviderClass', name, false)
  }
  return [...found.values()]
}
