/** Finds what a shared process namespace breaks: programs that must be PID 1, and hooks that signal PID 1. */
import type { V1Container, V1LifecycleHandler, V1PodSpec, V1Probe } from '@kubernetes/client-node'
import { NOTES } from '../values/bounds.ts'
import { PREFIX } from '../values/prefix.ts'
import type { Note } from './method-row.ts'

/** Commands that must be PID 1 (s6-overlay, systemd). With shared processes the sandbox is PID 1. */
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

/**
 * Makers of images whose entry point is s6-overlay's /init, and single images: linuxserver/docker-baseimage-alpine, hotio/base,
 * home-assistant/docker-base and NginxProxyManager/nginx-proxy-manager on GitHub, Dockerfile. s6-overlay 3 says "can only run as pid 1".
 */
const S6_IMAGES = new Set(['linuxserver', 'hotio', 'home-assistant', 'homeassistant', 'nginx-proxy-manager'])

/** What of the container must be PID 1, as the subject of a sentence; undefined: nothing does, as far as the manifest shows. */
function firstProcess({ command, image = '' }: V1Container): string | undefined {
  const [program] = command ?? []
  if (program !== undefined) return MUST_BE_FIRST.has(program) ? `command ${program}` : undefined
  const isS6 = image.split('/').some((part) => S6_IMAGES.has(part.split(/[:@]/, 1)[0] ?? ''))
  return isS6 ? "the image's /init" : undefined
}

/** What reloads a program without shared processes. */
const WITHOUT_SHARING = `${PREFIX}url or reload: probe`

/**
 * Why the Pod's processes can't be shared, as a sentence; undefined: they can.
 * @param instead what needs no shared processes; empty: nothing does
 */
export function obstacleToSharing(
  { name }: V1Container,
  spec: V1PodSpec,
  instead = WITHOUT_SHARING,
): string | undefined {
  if (spec.shareProcessNamespace === true) return undefined
  if (spec.shareProcessNamespace === false) {
    const way = instead === '' ? '' : `, or use ${instead}`
    return `container ${name}: take shareProcessNamespace: false away${way}; without shared processes no signal reaches it`
  }
  // The whole Pod shares its processes, so that another container may be the obstacle, a native sidecar too.
  for (const list of [spec.initContainers ?? [], spec.containers])
    for (const other of list) {
      const first = firstProcess(other)
      if (first)
        return `container ${other.name}: ${first} must be PID 1, so processes are not shared${instead === '' ? '' : `; use ${instead}`}`
    }
  return undefined
}

/** With shared processes the sandbox is PID 1, so that a `kill 1` in a probe or hook no longer reaches the program. */
export function sharingNotes(spec: V1PodSpec): Note[] {
  if (spec.shareProcessNamespace) return []
  const notes = [...(spec.initContainers ?? []), ...spec.containers].flatMap((container) => {
    const { lifecycle, livenessProbe, readinessProbe, startupProbe } = container
    const handlers: Record<string, V1Probe | V1LifecycleHandler | undefined> = {
      preStop: lifecycle?.preStop,
      postStart: lifecycle?.postStart,
      livenessProbe,
      readinessProbe,
      startupProbe,
    }
    return Object.entries(handlers)
      .filter(([, handler]) => handler?.exec?.command && killsFirst(handler.exec.command))
      .map(([name]) => ({
        text: `container ${container.name}: ${name} runs \`kill … 1\`, which misses the program once processes are shared; use pkill`,
        warn: true,
      }))
  })
  const others = notes.length - NOTES
  if (others <= 0) return notes
  return [
    ...notes.slice(0, NOTES),
    { text: `${others} more probes and hooks run \`kill … 1\`, which misses the program`, warn: true },
  ]
}

/** Whether a command has `kill`, and behind it the word 1 before the next `;`, `&` or `|`. One expression for all would take quadratic time. */
const killsFirst = (command: readonly string[]): boolean =>
  command
    .join(' ')
    .split(/[;&|]/)
    .some((part) => {
      const at = part.search(/\bkill\b/)
      return at !== -1 && /\s1\b/.test(part.slice(at))
    })
