/** Wave's annotations. Facts: its source, v0.11. Pure. */
import { createHash } from 'node:crypto'
import { formatChecksums } from '../../workload/checksum.ts'
import { replacesItsPods } from '../../workload/kinds.ts'
import { type ApiObject, podTemplate } from '../../workload/pod-template.ts'
import type { SourceKind, Use } from '../../workload/sources-in-use.ts'
import type { CompatTool } from '../request/compat-tool.ts'
import { boundedList, mistakenWord } from '../request/go-words.ts'
import { emptyRequest, type ReloadRequest } from '../request/reload-request.ts'
import { wholeReferences } from '../request/whole-references.ts'

const WAVE = 'wave.pusher.com'
const keys = {
  update: `${WAVE}/update-on-config-change`,
  extraConfigMaps: `${WAVE}/extra-configmaps`,
  extraSecrets: `${WAVE}/extra-secrets`,
  hash: `${WAVE}/config-hash`,
} as const

export const wave = {
  id: 'wave',
  name: 'Wave',
  images: ['wave'],
  read,
  writeBack({ checksums }) {
    const hash = createHash('sha256').update(formatChecksums(checksums) ?? '')
    return { template: { [keys.hash]: hash.digest('hex') } }
  },
  writtenFields(workload) {
    const hash = podTemplate(workload)?.metadata?.annotations?.[keys.hash]
    return hash === undefined ? {} : { template: { [keys.hash]: hash } }
  },
} as const satisfies CompatTool

function read(workload: ApiObject): ReloadRequest | undefined {
  const metadata = workload.metadata?.annotations ?? {}
  const word = metadata[keys.update]
  if (!word || word === 'false' || !replacesItsPods(workload)) return undefined
  const nothing = { ...emptyRequest, tool: 'wave' }
  if (word !== 'true') return { ...nothing, problems: [mistakenWord(keys.update, word)] }
  const own = workload.metadata?.namespace ?? ''
  const problems: string[] = []
  const named = (kind: SourceKind, key: string): Use[] =>
    boundedList(key, metadata[key], problems).map((item) => {
      const [first = '', second] = item.split('/', 2)
      return second === undefined
        ? { kind, namespace: own, name: first, optional: true }
        : { kind, namespace: first, name: second, optional: true }
    })
  return {
    ...nothing,
    auto: new Set(['ConfigMap', 'Secret']),
    references: wholeReferences(podTemplate(workload)?.spec, own).filter(
      ({ kind }) => kind !== 'SecretProviderClass',
    ),
    extra: [...named('ConfigMap', keys.extraConfigMaps), ...named('Secret', keys.extraSecrets)],
    problems,
  }
}
