/** How one container's process takes a change: its annotations decide first, then the preset of its program, else changes roll out. */
import type { V1Container, V1PodSpec } from '@kubernetes/client-node'
import { UserError } from '../errors.ts'
import { chooseReload } from './methods/auto.ts'
import type { Note } from './methods/method-row.ts'
import { obstacleToSharing } from './methods/process-namespace.ts'
import { methodOf, type Reload } from './methods/reload-methods.ts'
import type { Values } from './policy.ts'
import type { PresetPaths } from './presets/preset-paths.ts'
import { docOf, isReloadSidecar, type PresetName, pathsOf, presetReload } from './presets/presets.ts'
import { recognise, resembled, withoutWrappers } from './presets/recognise.ts'

export interface Resolution {
  reload: Reload
  chosenBy: string
  /** Why it is this reload, as a sentence without its subject. */
  because: string
  /** What the preset says of single paths; undefined: no preset chose the reload. */
  paths: PresetPaths | undefined
  /** The program exists to reload another one of its Pod. */
  isReloadSidecar?: boolean
  notes: Note[]
  problems: UserError[]
}

const rollout: Reload = { method: 'rollout' }

export function resolveReload(container: V1Container, spec: V1PodSpec, settings: Values): Resolution {
  const program = withoutWrappers(container)
  const name = settings.preset ?? recognise(program)
  const preset = name && { name, reload: provable(presetReload(name, program), spec) }
  const choice = chooseReload({ container, spec, settings, preset, resembled: name ?? resembled(container) })
  if (choice instanceof UserError)
    return {
      reload: rollout,
      chosenBy: 'nothing',
      because: '',
      paths: undefined,
      notes: [],
      problems: [choice],
    }
  const { reload, chosenBy, note } = choice
  const isPreset = preset !== undefined && chosenBy === `preset ${preset.name}`
  const obstacle = obstacleTo(reload, container, spec)
  const notes = [...(note ? [note] : []), ...(obstacle ? [{ text: obstacle, warn: true }] : [])]
  return {
    reload: obstacle ? rollout : reload,
    chosenBy,
    because: obstacle ?? reasonFor(choice, isPreset ? preset.name : undefined),
    paths: isPreset ? pathsOf(preset.name, program) : undefined,
    isReloadSidecar: isPreset && isReloadSidecar(preset.name),
    notes,
    problems: [],
  }
}

/** With hostNetwork 127.0.0.1 is the node, where another program may answer. */
function provable(reload: Reload, { hostNetwork }: V1PodSpec): Reload {
  if (reload.method !== 'signal' || typeof reload.confirm !== 'object' || !hostNetwork) return reload
  const { confirm: _, ...rest } = reload
  return rest
}

/** The note of a rollout says why nothing better is known; any other note warns of the choice, and is no reason for it. */
const reasonFor = (
  { reload, chosenBy, note }: { reload: Reload; chosenBy: string; note?: Note },
  preset: PresetName | undefined,
) => {
  if (reload.method !== 'rollout') return methodOf(reload).describe(reload)
  return note?.text ?? (preset ? docOf(preset) : `${chosenBy} says so`)
}

/** Why the Pod rules a reload out, as a sentence; undefined: it does not. */
function obstacleTo(reload: Reload, container: V1Container, spec: V1PodSpec): string | undefined {
  const method = methodOf(reload)
  return (
    method.obstacle?.(container, spec) ??
    (method.sharesProcesses ? obstacleToSharing(container, spec) : undefined)
  )
}
