/** Volumes that only the agent mounts: the ConfigMaps and Secrets behind the app's variables, limited to the keys in use. */
import type { V1Volume } from '@kubernetes/client-node'
import type { ContainerPlan, EnvSource } from '../policy/plan.ts'
import { nameFor } from './names.ts'
import type { WatchedVolume } from './watched-volumes.ts'

export const envVolumes = ({ container, env }: ContainerPlan): WatchedVolume[] =>
  env.map((source) => {
    const mounted = volumeOf(
      source,
      nameFor('hotreload-env', container.name, source.kind.toLowerCase(), source.name.replaceAll('.', '--')),
    )
    return {
      name: mounted.name,
      mounted,
      isSecret: source.kind === 'Secret',
      isOptional: source.optional,
      ignored: [],
    }
  })

function volumeOf({ kind, name, keys, optional }: EnvSource, volume: string): V1Volume {
  const items = keys ? { items: keys.map((key) => ({ key, path: key })) } : {}
  const wait = optional ? { optional } : {}
  return kind === 'ConfigMap'
    ? { name: volume, configMap: { name, ...items, ...wait } }
    : { name: volume, secret: { secretName: name, ...items, ...wait } }
}
