/**
 * The controller's view of the cluster: namespaces, workloads as summaries, sources as checksums. It joins the watches and reports which
 * workload to reconcile. Nothing runs before `start`.
 */
import type { Api, Listener, Watch, WatchCollection } from '../../api/api.ts'
import { collectionOf, NAMESPACES } from '../../api/paths.ts'
import type { Clock } from '../../async/clock.ts'
import { type CompatOptions, isNamespaceAllowed } from '../../compat/request/options.ts'
import { dependsOnNames, matchesName, type NamesOf } from '../../compat/request/reload-request.ts'
import { readMarks } from '../../compat/tools.ts'
import type { Defaults } from '../../policy/defaults.ts'
import type { InstallKey } from '../../workload/checksum.ts'
import { kindLabel, workloadKinds } from '../../workload/kinds.ts'
import { isExcludedNamespace } from '../../workload/namespace-label.ts'
import type { ObjectVersion } from '../../workload/object-version.ts'
import type { ApiObject } from '../../workload/pod-template.ts'
import type { SourceRef } from '../../workload/sources-in-use.ts'
import { allUses, type UsedSources, usedSources } from '../decide/used-sources.ts'
import { summarize, type WorkloadSummary } from '../decide/workload-summary.ts'
import type { Guard } from '../set-aside/guard.ts'
import { podStatusesPath, podStatusListener } from './csi-statuses.ts'
import { createListProgress } from './list-progress.ts'
import { createNamespaces } from './namespaces.ts'
import { createSourceReader } from './read-source.ts'
import { createSecretWatches } from './secret-watches.ts'
import { createSources, type Sources } from './sources.ts'
import { watchNamespaces } from './watch-namespaces.ts'
import { createWorkloads, type Workload, type Workloads } from './workloads.ts'

export interface CacheListener {
  /** A workload is new, has changed, is gone, or uses other sources. */
  workloadChanged(key: string, last: Workload | undefined): void
  /** See SourcesOptions.onChange. */
  contentChanged(source: SourceRef, users: ReadonlySet<string>, changedKeysets: ReadonlySet<string>): void
  /** All collections have been listed or refused once. */
  synced(): void
}

export interface Cache {
  workloads: Workloads
  sources: Sources
  /** The sources that this workload's rollouts and reloads depend on now. */
  usedSources(summary: WorkloadSummary): UsedSources
  /** Whether `hotreload.dev/inject` has a meaning in this namespace. */
  isLabelled(namespace: string): boolean
  isSynced(): boolean
  /** Whether no list is refused: only then an object that is not in the cache does not exist. */
  isComplete(): boolean
  /** Lists all workloads again, because other defaults apply: the cache keeps only summaries of them. */
  relistWorkloads(): void
  watches(): Watch[]
  start(): void
  stop(): void
}

export interface CacheOptions {
  api: Api
  watchCollection: WatchCollection
  /** Nothing is listed outside of these; undefined: all namespaces. */
  watchNamespaces?: readonly string[] | undefined
  clock: Clock
  defaults: () => Defaults
  installKey: () => InstallKey | undefined
  compat: CompatOptions
  /** Around what is computed for one workload. */
  guard: Pick<Guard, 'run'>
  report: {
    sizes(workloads: number, sources: number): void
    log(level: 'info' | 'warn', message: string, fields?: Record<string, unknown>): void
  }
}

function guarded({ apiVersion = '', kind = '', metadata = {} }: ApiObject): ObjectVersion {
  const { namespace = '', name = '', uid = '', resourceVersion = '' } = metadata
  return { apiVersion, kind, namespace, name, uid, resourceVersion }
}

export function createCache(options: CacheOptions, listener: CacheListener): Cache {
  const { api, clock, compat, guard, report } = options
  const watchCollection = options.watchNamespaces
    ? watchNamespaces(options.watchNamespaces, options)
    : options.watchCollection
  /** Workloads whose sources depend on which names exist, because an annotation selects them by a pattern. */
  const usersOfPatterns = new Set<string>()
  let configMaps: Watch | undefined
  let workloadWatches: Watch[] = []
  let otherWatches: Watch[] = []

  const lists = createListProgress({
    collections: ['namespaces', 'configmaps', ...workloadKinds.map(kindLabel)],
    onSynced: () => listener.synced(),
    onRefused: (collection, status, namespace) =>
      report.log('warn', 'no right to list a collection, so its changes are not noticed', {
        what: collection,
        status,
        ...(namespace === undefined ? {} : { namespace }),
      }),
  })
  const sources = createSources({
    clock,
    installKey: options.installKey,
    read: createSourceReader(api, (object) => readMarks(object, compat)),
    onChange: (...change) => listener.contentChanged(...change),
  })
  const workloads = createWorkloads({
    clock,
    summarize: (object) =>
      guard.run(guarded(object), () => summarize(object, { defaults: options.defaults(), compat })),
    onChange(key, last) {
      updateUses(key)
      listener.workloadChanged(key, last)
    },
  })
  const namespaces = createNamespaces({
    own: api.namespace,
    onChange(name) {
      for (const { key, summary } of workloads.all()) {
        const isNamed = summary.compat?.extra.some(({ namespace }) => namespace === name)
        if (summary.namespace === name || isNamed) reconsider(key)
      }
    },
  })
  const secrets = createSecretWatches({
    watchCollection: options.watchCollection,
    isClusterWide: options.watchNamespaces === undefined,
    listener: sourceListener('Secret'),
    onRefused: () =>
      report.log('info', 'no right to list all Secrets; watching those of namespaces that grant it'),
  })

  const names: NamesOf = (kind, namespace) => {
    if (kind === 'ConfigMap') return configMaps?.names(namespace) ?? []
    return kind === 'Secret' ? secrets.names(namespace) : []
  }

  function sourcesOf(summary: WorkloadSummary): UsedSources {
    const { namespace } = summary
    const scope = {
      native: namespaces.isLabelled(namespace),
      // A policy of deploy/ would deny a rollout there.
      compat:
        !isExcludedNamespace(namespace, api.namespace) &&
        isNamespaceAllowed(compat, namespace, namespaces.labels(namespace)),
      isNamespace: (name: string) => namespaces.labels(name) !== undefined,
    }
    return usedSources(summary, scope, names)
  }

  function updateUses(key: string): void {
    const summary = workloads.get(key)?.summary
    const uses = summary ? guard.run(summary, () => allUses(sourcesOf(summary))) : []
    if (uses === undefined) {
      if (summary) workloads.remove(summary)
      return
    }
    sources.use(key, uses)
    if (summary?.compat && dependsOnNames(summary.compat)) usersOfPatterns.add(key)
    else usersOfPatterns.delete(key)
    const withSecrets = uses.filter(({ kind }) => kind === 'Secret').map(({ namespace }) => namespace)
    // A pattern selects no Secret before their names are known.
    if (summary?.compat && dependsOnNames(summary.compat, 'Secret')) withSecrets.push(summary.namespace)
    secrets.use(key, new Set(withSecrets))
    report.sizes(workloads.size(), sources.size())
  }

  function reconsider(key: string): void {
    updateUses(key)
    listener.workloadChanged(key, workloads.get(key))
  }

  function sourceListener(kind: 'ConfigMap' | 'Secret'): Pick<Listener, 'changed' | 'removed'> {
    /** Patterns may select another set of names now. To match the name with all of them at each version would stop the controller. */
    const reconsiderPatterns = (namespace: string, name: string, isGone: boolean): void => {
      for (const key of usersOfPatterns) {
        const { summary } = workloads.get(key) ?? {}
        if (summary?.namespace !== namespace || !summary.compat) continue
        const isUsed = sources.isUsedWhole({ kind, namespace, name }, key)
        if (isUsed === isGone && matchesName(summary.compat, kind, name)) reconsider(key)
      }
    }
    return {
      changed({ metadata: { namespace = '', name = '', resourceVersion = '' } = {} }, isKnown) {
        sources.reportVersion({ kind, namespace, name }, resourceVersion)
        if (!isKnown) reconsiderPatterns(namespace, name, false)
      },
      removed(namespace, name) {
        sources.reportVersion({ kind, namespace, name }, undefined)
        reconsiderPatterns(namespace, name, true)
      },
    }
  }

  const watchWorkloads = (): Watch[] =>
    workloadKinds.map((kind) => {
      const { listed, ...changes } = workloads.listener(kind)
      const progress = lists.of(kindLabel(kind))
      return watchCollection(collectionOf(kind), {
        ...changes,
        ...progress,
        listed() {
          listed()
          progress.listed()
        },
      })
    })
  const watches = (): Watch[] =>
    [configMaps, ...secrets.watches(), ...workloadWatches, ...otherWatches].filter(
      (watch) => watch !== undefined,
    )

  return {
    workloads,
    sources,
    usedSources: sourcesOf,
    isLabelled: (namespace) => namespaces.isLabelled(namespace),
    isSynced: () => lists.isSynced(),
    isComplete: () => lists.isComplete(),
    relistWorkloads() {
      for (const watch of workloadWatches) watch.stop()
      workloads.relist()
      workloadWatches = watchWorkloads()
    },
    watches,
    start() {
      configMaps = watchCollection(
        { path: '/api/v1/configmaps', metadataOnly: true },
        { ...sourceListener('ConfigMap'), ...lists.of('configmaps') },
      )
      secrets.start()
      workloadWatches = watchWorkloads()
      const ofNamespaces = { ...namespaces.listener, ...lists.of('namespaces') }
      otherWatches = [watchCollection({ path: NAMESPACES, metadataOnly: true }, ofNamespaces)]
      if (compat.csi) {
        const ofPodStatuses = podStatusListener((source, version) => sources.reportVersion(source, version))
        otherWatches.push(watchCollection({ path: podStatusesPath, metadataOnly: false }, ofPodStatuses))
      }
    },
    stop() {
      for (const watch of watches()) watch.stop()
      sources.stop()
    },
  }
}
