/** Everything that is watched, joined: namespaces, workloads as summary, sources as hashes. Tells which workload to look at again. */

import type { Api, Listener, Watch, WatchCollection } from '../../api/api.ts'
import { collectionOf } from '../../api/paths.ts'
import type { Clock } from '../../async/clock.ts'
import { type CompatOptions, namespaceAllowed } from '../../compat/options.ts'
import { dependsOnNames, type NamesOf } from '../../compat/reload-request.ts'
import { reloaderMarks } from '../../compat/reloader/reloader.ts'
import type { Defaults } from '../../policy/defaults.ts'
import type { InstallKey } from '../../workload/checksum.ts'
import { kindLabel, workloadKinds } from '../../workload/kinds.ts'
import type { ApiObject } from '../../workload/pod-template.ts'
import type { SourceKind, SourceRef } from '../../workload/sources-in-use.ts'
import { allUses, type UsedSources, usedSources } from '../decide/used-sources.ts'
import { summarize, type WorkloadSummary } from '../decide/workload-summary.ts'
import type { Report } from '../report/report.ts'
import { createNamespaces } from './namespaces.ts'
import { createSourceReader, type PodStatus, podStatuses } from './read-source.ts'
import { createSecretWatches } from './secret-watches.ts'
import { createSources, type Sources } from './sources.ts'
import { createWorkloads, type Workload, type Workloads } from './workloads.ts'

export interface Watchers {
  /** New, changed or gone. */
  workload(key: string, last: Workload | undefined): void
  /** A source was read first, or holds something else. */
  content(source: SourceRef, users: ReadonlySet<string>, keysets: ReadonlySet<string>): void
  /** All first lists are complete. */
  synced(): void
}

export interface Cache {
  workloads: Workloads
  sources: Sources
  /** What this workload's rollouts and reloads depend on, as of now. */
  usedSources(summary: WorkloadSummary): UsedSources
  /** Whether `hotreload.dev/inject` means something there. */
  labelled(namespace: string): boolean
  /** Starts the watches. Nothing is read or reported before. */
  start(): void
  isSynced(): boolean
  /** Whether nothing is left out because it may not be listed: only then is who is not here gone. */
  isComplete(): boolean
  /** Reads what all workloads ask for once more, since what holds by default is something else now. */
  reconsiderWorkloads(): void
  watches(): Watch[]
  stop(): void
}

export interface CacheOptions {
  api: Api
  watchCollection: WatchCollection
  clock: Clock
  /** Read each time, because the policy file may change. */
  defaults: () => Defaults
  installKey: () => InstallKey | undefined
  compat: CompatOptions
  report: Pick<Report, 'sizes' | 'log'>
}

export function createCache(options: CacheOptions, tell: Watchers): Cache {
  const { api, watchCollection, clock, compat, report } = options
  const unlisted = new Set<string>(['namespaces', 'configmaps', ...workloadKinds.map(kindLabel)])
  /** What may not be listed. An API server that has just started may say so of what it allows a moment later. */
  const hidden = new Set<string>()
  const known = (what: string) => {
    if (unlisted.delete(what) && unlisted.size === 0) tell.synced()
  }
  const listed = (what: string) => () => {
    hidden.delete(what)
    known(what)
  }
  /** Without it the others go on. A kind that is not there (404) is nothing to speak of. */
  const refused = (what: string) => (status: number) => {
    if (status !== 404) {
      hidden.add(what)
      report.log('warn', 'may not be followed, so its changes go unseen', { what, status })
    }
    known(what)
  }
  const byNames = new Set<string>()

  const sources = createSources({
    clock,
    installKey: options.installKey,
    read: createSourceReader(api, (object) => reloaderMarks(object, compat)),
    onChange: (source, users, keysets) => tell.content(source, users, keysets),
  })
  const workloads = createWorkloads({
    clock,
    summary: (object: ApiObject) => summarize(object, { defaults: options.defaults(), compat }),
    onChange(key, last) {
      register(key)
      tell.workload(key, last)
    },
  })
  const namespaces = createNamespaces(
    api.namespace,
    (name) => {
      for (const { key, summary } of workloads.all()) if (summary.namespace === name) reconsider(key)
    },
    listed('namespaces'),
    refused('namespaces'),
  )

  const sourcesOf = (summary: WorkloadSummary): UsedSources => {
    const { namespace } = summary
    const scope = {
      native: namespaces.labelled(namespace),
      compat: namespaceAllowed(compat, namespace, namespaces.labels(namespace)),
    }
    return usedSources(summary, scope, names)
  }

  function register(key: string): void {
    const workload = workloads.get(key)
    const uses = workload ? allUses(sourcesOf(workload.summary)) : []
    sources.use(key, uses)
    if (workload?.summary.compat && dependsOnNames(workload.summary.compat)) byNames.add(key)
    else byNames.delete(key)
    const ofSecrets = uses.filter(({ kind }) => kind === 'Secret').map(({ namespace }) => namespace)
    // Who asks by a pattern uses none until their names are known.
    if (workload?.summary.compat && dependsOnNames(workload.summary.compat, 'Secret'))
      ofSecrets.push(workload.summary.namespace)
    secrets.use(key, new Set(ofSecrets))
    report.sizes(workloads.size(), sources.size())
  }
  function reconsider(key: string): void {
    register(key)
    tell.workload(key, workloads.get(key))
  }
  /** A name came or went: who asks for names by a pattern may mean it. */
  function named(namespace: string): void {
    for (const key of byNames) if (workloads.get(key)?.summary.namespace === namespace) reconsider(key)
  }

  const listener = (kind: 'ConfigMap' | 'Secret'): Pick<Listener, 'changed' | 'removed'> => ({
    changed({ metadata }) {
      const { namespace = '', name = '', resourceVersion = '' } = metadata ?? {}
      sources.seen({ kind, namespace, name }, resourceVersion)
      if (byNames.size > 0) named(namespace)
    },
    removed(namespace, name) {
      sources.seen({ kind, namespace, name }, undefined)
      if (byNames.size > 0) named(namespace)
    },
  })
  /** Undefined before start. */
  let configMaps: Watch | undefined
  let ofWorkloads: Watch[] = []
  let others: Watch[] = []
  const secrets = createSecretWatches(watchCollection, listener('Secret'), () =>
    report.log('info', 'Secrets may not be listed everywhere; following those of namespaces that allow it'),
  )
  const names: NamesOf = (kind: SourceKind, namespace) => {
    if (kind === 'ConfigMap') return configMaps?.names(namespace) ?? []
    return kind === 'Secret' ? secrets.names(namespace) : []
  }
  const followWorkloads = (): Watch[] =>
    workloadKinds.map((kind) => {
      const label = kindLabel(kind)
      return watchCollection(collectionOf(kind), workloads.listener(kind, listed(label), refused(label)))
    })

  return {
    workloads,
    sources,
    usedSources: sourcesOf,
    labelled: (namespace) => namespaces.labelled(namespace),
    start() {
      configMaps = watchCollection(
        { path: '/api/v1/configmaps', metadataOnly: true },
        { ...listener('ConfigMap'), listed: listed('configmaps'), refused: refused('configmaps') },
      )
      secrets.start()
      ofWorkloads = followWorkloads()
      others = [
        watchCollection({ path: '/api/v1/namespaces', metadataOnly: true }, namespaces.listener),
        ...(compat.csi
          ? [watchCollection({ path: podStatuses, metadataOnly: false }, csiObserver(sources))]
          : []),
      ]
    },
    isSynced: () => unlisted.size === 0,
    isComplete: () => hidden.size === 0,
    reconsiderWorkloads() {
      // Only what follows from the objects is kept of them, so they are listed anew.
      for (const one of ofWorkloads) one.stop()
      workloads.relist()
      ofWorkloads = followWorkloads()
    },
    watches: () => [...(configMaps ? [configMaps] : []), ...secrets.watches(), ...ofWorkloads, ...others],
    stop() {
      configMaps?.stop()
      secrets.stop()
      for (const one of [...ofWorkloads, ...others]) one.stop()
      sources.stop()
    },
  }
}

/** The driver writes one status for each Pod and class. */
const csiObserver = (sources: Sources): Listener => ({
  changed(object) {
    const { metadata, status } = object as PodStatus
    const name = status?.secretProviderClassName
    const namespace = metadata?.namespace ?? ''
    if (name !== undefined)
      sources.seen({ kind: 'SecretProviderClass', namespace, name }, metadata?.resourceVersion)
  },
  removed() {},
  listed() {},
  refused() {},
})
