/**
 * Programs whose only job is to signal a running server. `command` runs one beside the app's container, where the pid file or socket that
 * the server wrote is missing, unless a volume holds it.
 */
import type { V1Container, V1VolumeMount } from '@kubernetes/client-node'
import { isAtOrBelow, normalMountPath } from '../../workload/references.ts'
import { PREFIX } from '../values/prefix.ts'

interface ControlProgram {
  /** The names of its command. */
  names: readonly string[]
  /** The word that makes the server's own program one; absent: it is nothing else. */
  word?: string
  /** What it looks for. */
  needs: string
  /** Where that usually is. */
  places: readonly string[]
  /** The annotation that does the same. */
  instead: string
}

const RUN = ['/run', '/var/run', '/tmp']

const controlPrograms: readonly ControlProgram[] = [
  {
    names: ['nginx', 'openresty'],
    word: '-s',
    needs: 'pid file',
    places: [...RUN, '/usr/local/openresty/nginx/logs'],
    instead: `${PREFIX}preset: nginx`,
  },
  {
    names: ['pg_ctl', 'pg_ctlcluster'],
    needs: 'postmaster.pid',
    places: ['/var/lib/postgresql', '/var/lib/pgsql', '/bitnami/postgresql'],
    instead: `${PREFIX}preset: postgresql`,
  },
  {
    names: ['apachectl', 'apache2ctl'],
    needs: 'pid file',
    places: [...RUN, '/usr/local/apache2/logs'],
    instead: `${PREFIX}preset: apache2`,
  },
  {
    names: ['httpd', 'apache2'],
    word: '-k',
    needs: 'pid file',
    places: [...RUN, '/usr/local/apache2/logs'],
    instead: `${PREFIX}preset: apache2`,
  },
  {
    names: ['squid'],
    word: '-k',
    needs: 'pid file',
    places: [...RUN, '/var/spool/squid'],
    instead: `${PREFIX}preset: squid`,
  },
  {
    names: ['varnishreload', 'varnishadm'],
    needs: "instance's directory",
    places: ['/var/lib/varnish'],
    instead: `${PREFIX}reload: rollout`,
  },
  { names: ['supervisorctl'], needs: 'socket', places: RUN, instead: `${PREFIX}signal` },
  { names: ['doveadm', 'dovecot'], needs: 'socket', places: RUN, instead: `${PREFIX}preset: dovecot` },
  { names: ['kill'], needs: 'pid file, and PID 1 is not the app', places: RUN, instead: `${PREFIX}signal` },
]

const byName = new Map(controlPrograms.flatMap((row) => row.names.map((name) => [name, row] as const)))

/** The warning for a command that can't reach its server; undefined: nothing speaks against it. */
export function unreachableServer(
  { name, volumeMounts = [] }: V1Container,
  command: readonly string[],
): string | undefined {
  // A command may be an argument of `sh -c`.
  const words = command.join(' ').split(/[\s;&|'"]+/)
  const programs = words.map((word) => word.slice(word.lastIndexOf('/') + 1))
  const program = programs.find((one) => isControl(byName.get(one), words)) ?? ''
  const row = byName.get(program)
  const isInVolume = ({ mountPath }: V1VolumeMount) => {
    const path = normalMountPath(mountPath)
    return row?.places.some((place) => isAtOrBelow(place, path) || isAtOrBelow(path, place))
  }
  if (!row || volumeMounts.some(isInVolume)) return undefined
  const run = row.word === undefined ? program : `${program} ${row.word}`
  return `container ${name}: set ${row.instead} instead of ${PREFIX}command: ${run} runs beside the app's container and finds no ${row.needs}`
}

const isControl = (row: ControlProgram | undefined, words: readonly string[]): boolean =>
  row !== undefined && (row.word === undefined || words.includes(row.word))
