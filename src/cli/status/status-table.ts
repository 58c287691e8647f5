/** Formats what Pods have loaded for people. Pure. */
import { formatTable } from '../shared/table.ts'
import type { AgentStatus } from './agents.ts'

/** @param namespace undefined: rows of all namespaces */
export function statusTable(
  rows: readonly AgentStatus[],
  namespace: string | undefined,
  now: number,
  columns: number | undefined,
): string {
  const place = namespace === undefined ? ['NAMESPACE'] : []
  const head = [...place, 'POD', 'CONTAINER', 'STATE', 'RELOAD', 'LOADED', 'CONFIGURATION']
  const cells = rows.map((row) => [
    ...(namespace === undefined ? [row.namespace] : []),
    row.pod,
    row.container ?? '',
    row.state,
    row.reload ?? '',
    age(loadedAt(row), now),
    row.volumes.map(volumeText).join(' '),
  ])
  return formatTable(
    head,
    cells,
    columns,
    rows.map(({ note, remedy }) => [note, remedy].filter(Boolean).join('; ')),
  )
}

/** Pods with different hashes run different configurations. */
function volumeText(volume: AgentStatus['volumes'][number]): string {
  const { name, source, sha256, current, held, reverted, trialUntil } = volume
  const more = [
    ...(current ? [] : ['an older one']),
    ...(held ? [`holds ${held.sha256.slice(0, 8)}`] : []),
    ...(reverted ? [`reverted ${reverted.sha256.slice(0, 8)}`] : []),
    ...(trialUntil ? [`on trial until ${trialUntil}`] : []),
  ]
  return `${source ? `env of ${source}` : name}${sha256 ? `@${sha256.slice(0, 8)}` : ''}${more.map((one) => ` (${one})`).join('')}`
}

const loadedAt = ({ volumes }: AgentStatus): number =>
  Math.max(...volumes.map((one) => Date.parse(one.loadedAt ?? '') || 0), 0)

/** `45s`, `12m`, `3h`, `9d`, as kubectl's AGE. */
export function age(at: number, now: number): string {
  if (at === 0) return ''
  const seconds = Math.max(0, Math.round((now - at) / 1000))
  const units: [number, string][] = [
    [86_400, 'd'],
    [3_600, 'h'],
    [60, 'm'],
  ]
  const [size, unit] = units.find(([one]) => seconds >= one * 2) ?? [1, 's']
  return `${Math.floor(seconds / size)}${unit}`
}
