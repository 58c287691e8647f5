/** How one container's process takes a change: its annotations decide first, then the preset of its program, else changes roll out. */
import type { V1Container, V1PodSpec } from '@kubernetes/client-node'
import { UserError } from '../errors.ts'
import { chooseReload } from './methods/auto.ts'
import type { Note } from './methods/method-row.ts'
import { obstacleToSharing } from './methods/process-namespace.ts'
import { methodOf, type Reload } from './methods/reload-methods.ts'
import type { Values } from './policy.ts'
import { presetReload } from './presets/presets.ts'
import { recognise, resembled, withoutWrappers } from './presets/recognise.ts'

export interface Resolution {
  reload: Reload
  chosenBy: string
  notes: Note[]
  problems: UserError[]
}

const rollout: Reload = { method: 'rollout' }

export function resolveReload(container: V1Container, spec: V1PodSpec, settings: Values): Resolution {
  const program = withoutWrappers(container)
  const name = settings.preset ?? recognise(program)
  const preset = name && { name, reload: presetReload(name, program) }
  const choice = chooseReload({ container, spec, settings, preset, resembled: name ?? resembled(container) })
  if (choice instanceof UserError)
    return { reload: rollout, chosenBy: 'nothing', notes: [], problems: [choice] }
  const { reload, chosenBy, note } = choice
  const notes = note ? [note] : []
  const obstacle = obstacleTo(reload, container, spec)
  if (!obstacle) return { reload, chosenBy, notes, problems: [] }
  return { reload: rollout, chosenBy, notes: [...notes, { text: obstacle, warn: true }], problems: [] }
}

/** Why the Pod rules a reload out, as a sentence; undefined: it does not. */
function obstacleTo(reload: Reload, container: V1Container, spec: V1PodSpec): string | undefined {
  const method = methodOf(reload)
  return (
    method.obstacle?.(container, spec) ??
    (method.sharesProcesses ? obstacleToSharing(container, spec) : undefined)
  )
}
