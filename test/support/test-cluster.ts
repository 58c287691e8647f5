/** A cluster for the controller without an API server: tests report objects to its watches, and a table of ConfigMaps answers its calls. */
import { expect } from 'vitest'
import type { ApiCall, ApiResponse, Listener } from '../../src/api/api.ts'
import { collectionOf } from '../../src/api/paths.ts'
import { defaultCompatOptions } from '../../src/compat/request/options.ts'
import type { ControllerOptions } from '../../src/controller/options.ts'
import { Reconciler } from '../../src/controller/reconciler.ts'
import { builtInDefaults } from '../../src/policy/defaults.ts'
import { workloadKinds } from '../../src/workload/kinds.ts'
import { fakeClock } from './fake-clock.ts'
import { recordReport } from './report-recorder.ts'

const NAMESPACES = '/api/v1/namespaces'
const CONFIG_MAPS = '/api/v1/configmaps'
export const DEPLOYMENTS = '/apis/apps/v1/deployments'
const BASELINES = '/api/v1/namespaces/hotreload-system/configmaps/hotreload-baselines-0'
const LISTS = [NAMESPACES, CONFIG_MAPS, ...workloadKinds.map((kind) => collectionOf(kind).path)]

export class TestCluster {
  readonly clock = fakeClock()
  readonly recorder = recordReport()
  readonly controller: Reconciler
  readonly calls: ApiCall[] = []
  /** Path -> data. */
  readonly configMaps = new Map<string, Record<string, string>>()
  /** Answers in place of the table of ConfigMaps, unless it returns undefined. */
  answer = (_call: ApiCall): ApiResponse | undefined => undefined
  readonly #listeners = new Map<string, Listener>()
  #isElected = true
  #version = 0
  #onElection = (_isElected: boolean): void => {}

  constructor(options: Partial<ControllerOptions> = {}) {
    this.controller = new Reconciler({
      api: {
        namespace: 'hotreload-system',
        call: async (call) => {
          this.calls.push(call)
          return this.answer(call) ?? this.#answerConfigMap(call)
        },
      },
      watchCollection: ({ path }, listener) => {
        this.#listeners.set(path, listener)
        return { names: () => [], lastProgress: () => this.clock.now(), stop() {} }
      },
      clock: this.clock,
      report: this.recorder.report,
      elect: (onChange) => {
        this.#onElection = onChange
        return { leads: () => this.#isElected, release: async () => {} }
      },
      defaults: () => builtInDefaults,
      installKey: () => undefined,
      compat: defaultCompatOptions,
      limits: { total: 0, perNamespace: 0 },
      evictUninjected: false,
      askAgent: async () => undefined,
      ...options,
    })
  }

  /** The paths that the controller watches. */
  watched(): string[] {
    return [...this.#listeners.keys()]
  }

  /** The listener of a watch. */
  listener(path: string): Listener {
    return this.#listeners.get(path) ?? expect.fail(`no watch of ${path}`)
  }

  /** Starts the controller. Every list is complete, but those refused, and the replica is elected. */
  start({ refused = [] }: { refused?: string[] } = {}): void {
    this.controller.start()
    for (const path of LISTS)
      if (refused.includes(path)) this.listener(path).refused(403)
      else this.listener(path).listed()
  }

  setElected(isElected: boolean): void {
    this.#isElected = isElected
    this.#onElection(isElected)
  }

  /** The stored baselines by the workload's uid, as JSON. */
  get baselines(): Record<string, string> | undefined {
    return this.configMaps.get(BASELINES)
  }
  set baselines(data: Record<string, string>) {
    this.configMaps.set(BASELINES, data)
  }

  /** Writes a ConfigMap of namespace shop, and reports it to the controller's watch. */
  setConfigMap(name: string, data: Record<string, string>): void {
    this.#version += 1
    this.configMaps.set(`/api/v1/namespaces/shop/configmaps/${name}`, data)
    const metadata = { name, namespace: 'shop', resourceVersion: String(this.#version) }
    this.#listeners.get(CONFIG_MAPS)?.changed({ metadata })
  }

  /** So that `hotreload.dev/inject` counts in namespace shop. */
  labelNamespace(): void {
    const labels = { 'hotreload.dev/injection': 'enabled' }
    this.listener(NAMESPACES).changed({ metadata: { name: 'shop', labels } })
  }

  #answerConfigMap({ method, path, body }: ApiCall): ApiResponse {
    if (path.includes('labelSelector=hotreload.dev')) {
      const items = this.baselines
        ? [{ metadata: { name: 'hotreload-baselines-0' }, data: this.baselines }]
        : []
      return { status: 200, body: { metadata: {}, items } }
    }
    const { data: sent = {}, metadata } = Object(body)
    const at = method === 'POST' ? `${path}/${metadata?.name}` : path
    const data = this.configMaps.get(at)
    if (method === 'POST') this.configMaps.set(at, sent)
    if (data === undefined) return { status: method === 'POST' ? 201 : 404, body: {} }
    if (method === 'PATCH') {
      const merged = Object.entries<string | null>({ ...data, ...sent })
      this.configMaps.set(
        at,
        Object.fromEntries(merged.filter((entry): entry is [string, string] => entry[1] !== null)),
      )
    }
    return { status: 200, body: { metadata: { resourceVersion: '1' }, data } }
  }
}
