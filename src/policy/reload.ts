/** How one container's process takes a change: the user's word first, else the preset's, else a rollout. Never a guess. */
import type { V1Container, V1PodSpec } from '@kubernetes/client-node'
import { UserError } from '../errors.ts'
import { PREFIX } from './annotations.ts'
import { isRestarted } from './env.ts'
import { livenessOf } from './liveness.ts'
import type { Note } from './plan.ts'
import type { Values } from './policy.ts'
import { type PresetName, presetReload, type Reload, recognise } from './presets.ts'
import { obstacleToSharing } from './process-namespace.ts'

export interface Resolution {
  reload: Reload
  chosenBy: string
  notes: Note[]
  problems: UserError[]
}

const rollout: Reload = { method: 'rollout' }

export function resolveReload(container: V1Container, spec: V1PodSpec, settings: Values): Resolution {
  const chosen = choose(container, spec, settings)
  const obstacle = chosen.problems.length > 0 ? undefined : obstacleTo(chosen.reload, container, spec)
  if (!obstacle) return chosen
  return { ...chosen, reload: rollout, notes: [...chosen.notes, { text: obstacle, warn: true }] }
}

/** What a chooser knows. */
interface Question {
  container: V1Container
  spec: V1PodSpec
  settings: Values
  preset: PresetName | undefined
  /** What the preset says of this container. */
  known: Reload | undefined
}

/** A way, and what chose it; or why it can't be taken. */
type Choice = { reload: Reload; chosenBy: string; note?: Note } | UserError

function choose(container: V1Container, spec: V1PodSpec, settings: Values): Resolution {
  const preset = settings.preset ?? recognise(container)
  const known = preset && presetReload(preset, container)
  const choice = choosers[settings.reload ?? 'auto']({ container, spec, settings, preset, known })
  if (choice instanceof UserError)
    return { reload: rollout, chosenBy: 'nothing', notes: [], problems: [choice] }
  const { reload, chosenBy, note } = choice
  return { reload, chosenBy, notes: note ? [note] : [], problems: [] }
}

const byUser = (reload: Reload): Choice => ({ reload, chosenBy: `${PREFIX}reload` })

/** For each value of the annotation `reload`, how it is answered. */
const choosers: Record<NonNullable<Values['reload']>, (question: Question) => Choice> = {
  auto: (question) => {
    const { container, settings, preset, known } = question
    const given = (['signal', 'url', 'command'] as const).filter((key) => settings[key] !== undefined)
    if (given.length > 1) {
      const keys = given.map((key) => PREFIX + key).join(' and ')
      const problem = `${keys} are ${given.length === 2 ? 'both' : 'all'} set for container ${container.name}`
      return new UserError('HR_TWO_WAYS', problem, `say which with ${PREFIX}reload`)
    }
    if (given[0] === 'url') return choosers.http(question)
    if (given[0] === 'command') return choosers.exec(question)
    if (given[0] === 'signal' || settings.process !== undefined) return choosers.signal(question)
    if (known) return { reload: known, chosenBy: `preset ${preset}` }
    const text = `container ${container.name}: no known way to reload it; changes roll out. Choose hotreload.dev/preset, signal or url`
    return { reload: rollout, chosenBy: 'unknown program', note: { text, warn: true } }
  },
  signal: ({ container, settings: { signal, process, reload }, preset, known }) => {
    if (signal)
      return {
        reload: { method: 'signal', signal, processes: process ? [process] : [] },
        chosenBy: `${PREFIX}signal`,
      }
    if (known?.method === 'signal')
      return { reload: process ? { ...known, processes: [process] } : known, chosenBy: `preset ${preset}` }
    const problem =
      process && reload !== 'signal'
        ? `${PREFIX}process: container ${container.name} has no signal to send`
        : `${PREFIX}reload: signal, but container ${container.name} has none`
    return new UserError(
      'HR_NO_SIGNAL',
      problem,
      `set ${PREFIX}signal, e.g. SIGHUP, if the program reloads on it`,
    )
  },
  http: ({ container, settings: { url }, preset, known }) => {
    if (url) return { reload: { method: 'http', ...url }, chosenBy: `${PREFIX}url` }
    if (known?.method === 'http') return { reload: known, chosenBy: `preset ${preset}` }
    const problem = `${PREFIX}reload: http, but container ${container.name} has no URL`
    return new UserError('HR_NO_URL', problem, `set ${PREFIX}url to http://127.0.0.1:PORT/PATH`)
  },
  exec: ({ container, settings: { command } }) => {
    if (command) return { reload: { method: 'exec', command }, chosenBy: `${PREFIX}command` }
    const problem = `${PREFIX}reload: exec, but container ${container.name} has no command to run`
    return new UserError('HR_NO_COMMAND', problem, `set ${PREFIX}command`)
  },
  restart: ({ spec, settings: { signal } }) => {
    if (isRestarted(spec)) return byUser({ method: 'restart', ...(signal ? { signal } : {}) })
    // Measured: a Pod with OnFailure became Completed.
    const problem = `${PREFIX}reload: restart, but the Pod's restartPolicy is ${spec.restartPolicy}`
    return new UserError('HR_NOT_RESTARTED', problem, 'use reload: rollout')
  },
  probe: ({ container, spec }) => {
    const liveness = livenessOf(container)
    const reason = isRestarted(spec) ? undefined : `the Pod's restartPolicy is ${spec.restartPolicy}`
    if ('forward' in liveness && !reason) return byUser({ method: 'probe', forward: liveness.forward })
    const problem = `${PREFIX}reload: probe can't stand in for container ${container.name}: ${'reason' in liveness ? liveness.reason : reason}`
    return new UserError(
      'HR_PROBE',
      problem,
      'use an httpGet or tcpSocket livenessProbe on its own port, or reload: restart',
    )
  },
  supervise: ({ container }) => {
    if (container.command && container.command.length > 0) return byUser({ method: 'supervise' })
    const problem = `${PREFIX}reload: supervise, but container ${container.name} sets no command`
    return new UserError(
      'HR_NO_ENTRYPOINT',
      problem,
      "write the image's ENTRYPOINT into spec.containers[].command",
    )
  },
  rollout: () => byUser(rollout),
  none: () => byUser({ method: 'none' }),
}

/** What in the Pod stands against a way, as a sentence; undefined: nothing. */
function obstacleTo(reload: Reload, container: V1Container, spec: V1PodSpec): string | undefined {
  if (reload.method === 'http' && spec.hostNetwork) {
    return `container ${container.name}: hostNetwork is true, so http://127.0.0.1 is the node; changes roll out`
  }
  const shares = reload.method === 'signal' || reload.method === 'restart' || reload.method === 'exec'
  return shares ? obstacleToSharing(container, spec) : undefined
}
