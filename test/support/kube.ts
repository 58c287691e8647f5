// A namespace for each test, and its operations. Namespaces are deleted when the test file ends. If a test fails, their objects, Events
// and logs are printed first.
//
//   const ns = await namespace({ 'hotreload.dev/injection': 'enabled' })
//   await ns.apply(yamlOrObjects)
//   const pod = await ns.podReady('web')          // a workload's Pods: await ns.podsReady('app=web', 2)
//   await until('the new page', async () => (await ns.fetch('web', '/')).body.includes('new'))
import type { V1Pod } from '@kubernetes/client-node'
import { afterAll, afterEach } from 'vitest'
import { bringImages, type ImageName, imageReference } from '../cluster/images.ts'
import { cluster, kubectl, manifest, tryKubectl } from './kubectl.ts'
import { until } from './until.ts'

export { imageReference } from '../cluster/images.ts'
export { cluster, type KubeObject, kubectl, manifest, tryKubectl } from './kubectl.ts'
export { until } from './until.ts'

const created: Namespace[] = []

afterEach(async ({ task }) => {
  if (task.result?.state !== 'fail') return
  for (const ns of created) console.error(await ns.describe())
})

afterAll(async () => {
  const names = created.splice(0).map(({ name }) => name)
  if (names.length === 0) return
  const now = ['--grace-period=1', '--wait=false', '--all']
  for (const name of names) await tryKubectl(['delete', 'pods', '--namespace', name, ...now])
  await tryKubectl(['delete', 'namespace', '--wait=false', ...names])
})

/** Builds images if needed and brings them to the node; returns their names for Pods. Call it in beforeAll, because a build takes time. */
export async function images(...names: readonly ImageName[]): Promise<string[]> {
  await bringImages(cluster(), names, (line) => console.log(line))
  return names.map((name) => imageReference(name))
}

/** Creates a namespace with these labels, ready for Pods. */
export async function namespace(labels: Readonly<Record<string, string>> = {}): Promise<Namespace> {
  const name = `test-${crypto.randomUUID().slice(0, 8)}`
  await kubectl(
    ['create', '-f', '-'],
    manifest({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } }),
  )
  const ns = new Namespace(name)
  created.push(ns)
  // The controller manager creates it, and without one (KUBEBUILDER_ASSETS) this does. Until then the API server refuses Pods.
  await tryKubectl(['create', 'serviceaccount', 'default', '--namespace', name])
  return ns
}

/** A Pod's HTTP response. */
export interface Answer {
  status: number
  headers: Headers
  body: string
}

export class Namespace {
  readonly name: string

  constructor(name: string) {
    this.name = name
  }

  /** Runs kubectl in this namespace; rejects on any exit code but 0. */
  kubectl(argv: readonly string[], input?: string): Promise<string> {
    return kubectl(['--namespace', this.name, ...argv], input)
  }

  /** `kubectl apply`: YAML text, an object or several. Returns kubectl's output. */
  apply(objects: string | object | readonly object[], ...flags: readonly string[]): Promise<string> {
    return this.kubectl(['apply', '-f', '-', ...flags], manifest(objects))
  }

  /** One object, e.g. `get<V1Deployment>('deployment', 'web')`. */
  async get<T>(kind: string, name: string): Promise<T> {
    const object: T = JSON.parse(await this.kubectl(['get', kind, name, '--output=json']))
    return object
  }

  /** Objects of a kind, all or those of a label selector, oldest first. */
  async list<T>(kind: string, selector = ''): Promise<T[]> {
    const flags = ['--output=json', `--selector=${selector}`, '--sort-by=.metadata.creationTimestamp']
    const { items }: { items: T[] } = JSON.parse(await this.kubectl(['get', kind, ...flags]))
    return items
  }

  /** Waits until this Pod is Ready, and returns it. */
  podReady(name: string, timeoutMs = 240_000): Promise<V1Pod> {
    return until(
      `Pod ${this.name}/${name} is Ready`,
      async () => {
        const pod = await this.get<V1Pod>('pod', name)
        return isReady(pod) && pod
      },
      timeoutMs,
    )
  }

  /** A Pod's phase: Pending, Running, Succeeded, Failed. */
  async phase(pod: string): Promise<string | undefined> {
    return (await this.get<V1Pod>('pod', pod)).status?.phase
  }

  /** Waits until exactly `count` Pods match the selector, all of them Ready and none being deleted, and returns them. */
  podsReady(selector: string, count = 1, timeoutMs = 240_000): Promise<V1Pod[]> {
    return until(
      `${count} Ready Pods ${selector} in ${this.name}`,
      async () => {
        const pods = await this.list<V1Pod>('pods', selector)
        return pods.length === count && pods.every((pod) => isReady(pod)) && pods
      },
      timeoutMs,
    )
  }

  /** Runs a program in a container and returns its standard output; rejects on any exit code but 0. */
  exec(pod: string, container: string, argv: readonly string[]): Promise<string> {
    return this.kubectl(['exec', pod, '--container', container, '--', ...argv])
  }

  /** A container's log so far. */
  logs(pod: string, container: string, ...flags: readonly string[]): Promise<string> {
    return this.kubectl(['logs', pod, '--container', container, ...flags])
  }

  /** GET from a Pod's own address. This machine needs a route to the Pods: our node adds one, other clusters must have one. */
  async fetch(pod: string | V1Pod, path = '/', port = 80): Promise<Answer> {
    const { status } = typeof pod === 'string' ? await this.get<V1Pod>('pod', pod) : pod
    const response = await fetch(`http://${status?.podIP}:${port}${path}`, {
      headers: { connection: 'close' }, // so that each request gets a new connection, and the workers that a reload started
      signal: AbortSignal.timeout(15_000),
    })
    return { status: response.status, headers: response.headers, body: await response.text() }
  }

  /** Objects, Events and logs as text, for a failure. */
  async describe(): Promise<string> {
    const parts = [`--- namespace ${this.name} ---`]
    const show = async (...argv: readonly string[]): Promise<void> => {
      const { stdout, stderr } = await tryKubectl(['--namespace', this.name, ...argv])
      parts.push(`$ kubectl ${argv.join(' ')}`, stdout.trim(), stderr.trim())
    }
    await show('get', 'all', '--output=wide')
    await show('get', 'events', '--sort-by=.lastTimestamp')
    await show('describe', 'pods')
    const pods = (await tryKubectl(['--namespace', this.name, 'get', 'pods', '--output=name'])).stdout
    for (const pod of pods.split('\n').filter(Boolean)) {
      await show('logs', pod, '--all-containers', '--prefix', '--tail=40', '--ignore-errors')
    }
    return parts.filter(Boolean).join('\n')
  }
}

/** Whether a Pod is Ready and not being deleted. */
function isReady(pod: V1Pod): boolean {
  const ready = pod.status?.conditions?.find(({ type }) => type === 'Ready')
  return ready?.status === 'True' && pod.metadata?.deletionTimestamp === undefined
}
