/** How one container's process takes a change: the user's word first, else the preset's, else a rollout. Never a guess. */
import type { V1Container, V1PodSpec } from '@kubernetes/client-node'
import { UserError } from '../errors.ts'
import { PREFIX } from './annotations.ts'
import type { Values } from './policy.ts'
import { type PresetName, presetReload, presets, type Reload, recognise } from './presets.ts'

/** Something the user should know, beginning with the object it is about. */
export interface Note {
  text: string
  /** Worth a line at `kubectl apply`; else only in the status annotation. */
  warn: boolean
}

export interface Resolution {
  reload: Reload
  chosenBy: string
  notes: Note[]
  problems: UserError[]
}

const rollout: Reload = { way: 'rollout' }

/** Commands that must be PID 1, which is the sandbox's once processes are shared (s6-overlay, systemd). */
const MUST_BE_FIRST = new Set([
  '/init',
  '/sbin/init',
  '/usr/sbin/init',
  'systemd',
  '/lib/systemd/systemd',
  '/usr/lib/systemd/systemd',
  's6-svscan',
  '/bin/s6-svscan',
])

export function resolveReload(container: V1Container, spec: V1PodSpec, settings: Values): Resolution {
  const chosen = choose(container, settings)
  const obstacle = chosen.problems.length > 0 ? undefined : obstacleTo(chosen.reload, container, spec)
  if (!obstacle) return chosen
  return {
    ...chosen,
    reload: rollout,
    notes: [...chosen.notes, { text: obstacle, warn: true }],
  }
}

function choose(container: V1Container, settings: Values): Resolution {
  const { signal, url, process } = settings
  const { name, problems } = namedPreset(settings)
  const preset = name ?? recognise(container)
  const wish = settings.reload ?? 'auto'
  const known = preset ? presetReload(preset, container) : undefined
  const of = (reload: Reload, chosenBy: string, ...notes: Note[]): Resolution => ({
    reload,
    chosenBy,
    notes,
    problems,
  })
  const fail = (code: string, problem: string, remedy: string): Resolution => ({
    ...of(rollout, 'nothing'),
    problems: [...problems, new UserError(code, problem, remedy)],
  })
  const suffix = `container ${container.name}`

  const bySignal = (): Resolution => {
    const vouched = known?.way === 'signal' ? known : undefined
    if (signal) return of({ way: 'signal', signal, processes: process ? [process] : [] }, `${PREFIX}signal`)
    if (vouched) return of(process ? { ...vouched, processes: [process] } : vouched, `preset ${preset}`)
    const problem = process
      ? `${PREFIX}process: ${suffix} has no signal to send`
      : `${PREFIX}reload: signal, but ${suffix} has none`
    return fail('HR_NO_SIGNAL', problem, `set ${PREFIX}signal, e.g. SIGHUP, if the program reloads on it`)
  }
  const byUrl = (): Resolution => {
    if (url) return of({ way: 'http', ...url }, `${PREFIX}url`)
    if (known?.way === 'http') return of(known, `preset ${preset}`)
    return fail(
      'HR_NO_URL',
      `${PREFIX}reload: http, but ${suffix} has no URL`,
      `set ${PREFIX}url to http://127.0.0.1:PORT/PATH`,
    )
  }

  if (wish === 'rollout') return of(rollout, `${PREFIX}reload`)
  if (wish === 'none') return of({ way: 'none' }, `${PREFIX}reload`)
  if (wish === 'signal') return bySignal()
  if (wish === 'http') return byUrl()
  if (signal && url)
    return fail(
      'HR_TWO_WAYS',
      `${PREFIX}signal and ${PREFIX}url are both set for ${suffix}`,
      `say which with ${PREFIX}reload`,
    )
  if (signal || process) return bySignal()
  if (url) return byUrl()
  if (known) return of(known, `preset ${preset}`)
  const unknown = `${suffix}: no known way to reload it; changes roll out. Choose hotreload.dev/preset, signal or url`
  return of(rollout, 'unknown program', { text: unknown, warn: true })
}

function namedPreset({ preset }: Values): { name?: PresetName; problems: UserError[] } {
  if (preset === undefined) return { problems: [] }
  if (Object.hasOwn(presets, preset)) return { name: preset as PresetName, problems: [] }
  const problem = new UserError(
    'HR_UNKNOWN_PRESET',
    `${PREFIX}preset: "${preset}" is not known`,
    `use one of ${Object.keys(presets).join(', ')}`,
  )
  return { problems: [problem] }
}

/** What in the Pod stands against a way, as a sentence; undefined: nothing. */
function obstacleTo(reload: Reload, { name }: V1Container, spec: V1PodSpec): string | undefined {
  if (reload.way === 'http' && spec.hostNetwork) {
    return `container ${name}: hostNetwork is true, so http://127.0.0.1 is the node; changes roll out`
  }
  if (reload.way !== 'signal' || spec.shareProcessNamespace === true) return undefined
  if (spec.shareProcessNamespace === false) {
    return `container ${name}: shareProcessNamespace is false, so no signal can be sent; changes roll out, or use hotreload.dev/url`
  }
  // Processes are shared by the whole Pod, so it may be another container that stands against it.
  const first = spec.containers.find(({ command }) => MUST_BE_FIRST.has(command?.[0] ?? ''))
  return (
    first &&
    `container ${first.name}: command ${first.command?.[0]} must be PID 1, so processes are not shared; use hotreload.dev/url or reload: probe`
  )
}
