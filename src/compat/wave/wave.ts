/** Wave's annotations: text in, a wish out. Facts: its source, v0.11. Pure. */
import { type ApiObject, podTemplate } from '../../workload/pod-template.ts'
import type { SourceKind, Use } from '../../workload/sources-in-use.ts'
import { commaList } from '../go-words.ts'
import type { ReloadRequest } from '../reload-request.ts'
import { mistakenWord, wholeReferences } from '../reloader/reloader.ts'

const WAVE = 'wave.pusher.com'
export const waveKeys = {
  update: `${WAVE}/update-on-config-change`,
  extraConfigMaps: `${WAVE}/extra-configmaps`,
  extraSecrets: `${WAVE}/extra-secrets`,
  hash: `${WAVE}/config-hash`,
} as const

const nothing: ReloadRequest = {
  tool: 'wave',
  auto: new Set(),
  search: false,
  lists: new Map(),
  excluded: new Set(),
  references: [],
  extra: [],
  pausePeriod: undefined,
  pausedAt: undefined,
  pausedByUs: false,
  restart: false,
  problems: [],
}

/** Undefined where nothing asks for it; by mistake is asking, so that somebody is told. */
export function waveRequest(workload: ApiObject): ReloadRequest | undefined {
  const metadata = workload.metadata?.annotations ?? {}
  const asked = metadata[waveKeys.update]
  if (!asked || asked === 'false') return undefined
  if (asked !== 'true') return { ...nothing, problems: [mistakenWord(waveKeys.update, asked)] }
  const own = workload.metadata?.namespace ?? ''
  const named = (kind: SourceKind, text: string | undefined): Use[] =>
    commaList(text).map((item) => {
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
    extra: [
      ...named('ConfigMap', metadata[waveKeys.extraConfigMaps]),
      ...named('Secret', metadata[waveKeys.extraSecrets]),
    ],
  }
}
