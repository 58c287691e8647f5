/** Creates one object, watches it, and returns the time of its change. Times are this machine's, in milliseconds since 1970. */
import type { V1Job, V1Pod } from '@kubernetes/client-node'
import type { ApiResponse } from '../../src/api/api.ts'
import type { KubeClient } from '../../src/kube/client.ts'
import type { PodTemplate } from '../../src/workload/pod-template.ts'

const LIMIT_MILLISECONDS = 60_000

/** Milliseconds from the request that creates the Pod until its Ready condition is seen. */
export async function createToReady(client: KubeClient, name: string, pod: PodTemplate): Promise<number> {
  const path = `/api/v1/namespaces/${client.namespace}/pods`
  const watch = watchObject<V1Pod>(client, path, name)
  await watch.begun
  const start = Date.now()
  const body = { apiVersion: 'v1', kind: 'Pod', ...pod, metadata: { ...pod.metadata, name } }
  successful(await client.call({ method: 'POST', path, body }))
  const ready = await watch.until(({ object: { status } }) =>
    status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'True'),
  )
  successful(await client.call({ method: 'DELETE', path: `${path}/${name}` }))
  // The next Pod starts on a node that has finished with this one.
  await watch.until(({ type }) => type === 'DELETED')
  watch.end()
  return ready.at - start
}

/**
 * Milliseconds from the end of a Job's program until the Job is seen complete. The program writes its time in nanoseconds since 1970 as its
 * termination message. If its clock is not this machine's, only differences between variants count.
 */
export async function endToComplete(
  client: KubeClient,
  name: string,
  template: PodTemplate,
): Promise<number> {
  const path = `/apis/batch/v1/namespaces/${client.namespace}/jobs`
  const watch = watchObject<V1Job>(client, path, name)
  await watch.begun
  const body = { apiVersion: 'batch/v1', kind: 'Job', metadata: { name }, spec: { template } }
  successful(await client.call({ method: 'POST', path, body }))
  const complete = await watch.until(({ object: { status } }) =>
    status?.conditions?.some((one) => one.type === 'Complete' && one.status === 'True'),
  )
  watch.end()
  const pods = `/api/v1/namespaces/${client.namespace}/pods?labelSelector=job-name%3D${name}`
  const { items } = successful(await client.call({ method: 'GET', path: pods })) as { items: V1Pod[] }
  const [app] = items[0]?.status?.containerStatuses ?? []
  const nanoseconds = app?.state?.terminated?.message?.trim() ?? ''
  if (!/^\d{19}$/.test(nanoseconds))
    throw new Error(`Job ${name} left no time but ${JSON.stringify(nanoseconds)}`)
  successful(await client.call({ method: 'DELETE', path: `${path}/${name}?propagationPolicy=Background` }))
  return complete.at - Number(nanoseconds) / 1e6
}

interface Event<T> {
  type: string
  object: T
  /** When the event arrived. */
  at: number
}

interface ObjectWatch<T> {
  /** Resolves once the API server has begun to send. */
  begun: Promise<void>
  /** The first matching event among those not returned yet. */
  until(matches: (event: Event<T>) => boolean | undefined): Promise<Event<T>>
  end(): void
}

function watchObject<T>(client: KubeClient, path: string, name: string): ObjectWatch<T> {
  const stop = new AbortController()
  const limit = AbortSignal.timeout(LIMIT_MILLISECONDS)
  const query = `watch=true&fieldSelector=metadata.name%3D${name}`
  const opened = client.stream(
    { method: 'GET', path: `${path}?${query}` },
    AbortSignal.any([stop.signal, limit]),
  )
  const events = read<T>(opened.then(({ parts }) => parts))
  return {
    begun: opened.then(({ status }) => {
      if (status !== 200) throw new Error(`watch of ${path}: ${status}`)
    }),
    async until(matches) {
      for (;;) {
        const { value, done } = await events.next()
        if (done) throw new Error(`the watch of ${name} ended`)
        if (matches(value)) return value
      }
    },
    end: () => stop.abort(),
  }
}

async function* read<T>(parts: Promise<AsyncIterable<Buffer>>): AsyncGenerator<Event<T>, void> {
  let rest = ''
  for await (const part of await parts) {
    const at = Date.now()
    const lines = (rest + part.toString()).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const event: Omit<Event<T>, 'at'> = JSON.parse(line)
      yield { ...event, at }
    }
  }
}

function successful({ status, body }: ApiResponse): unknown {
  if (status >= 300)
    throw new Error(`the API server answered ${status}: ${JSON.stringify(body).slice(0, 300)}`)
  return body
}
