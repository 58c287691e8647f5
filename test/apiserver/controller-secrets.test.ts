// The test searches logs, metrics, objects and memory of `serve` for the values of a Secret.
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { V1ConfigMap, V1Deployment } from '@kubernetes/client-node'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { checksum } from '../../src/workload/checksum.ts'
import { deployment } from '../support/controller.ts'
import { HELD_BYTES, heldBytes } from '../support/held-bytes-of.ts'
import { type Namespace, namespace, until } from '../support/kube.ts'
import { type Serve, startServe } from '../support/serve.ts'

/** Its length is a multiple of three bytes, so that the base64 of a value starts with the base64 of a marker at its start. */
const marker = (n: number): string => `planted-${n}-${crypto.randomUUID()}`.padEnd(48, '.')
const base64 = (text: string): string => Buffer.from(text).toString('base64')

let own: Namespace
let ns: Namespace
let serve: Serve
beforeAll(async () => {
  own = await namespace()
  ns = await namespace({ 'hotreload.dev/injection': 'enabled' })
  const node = ['--heapsnapshot-signal=SIGUSR2', `--import=${HELD_BYTES}`]
  serve = await startServe(own, ['--only=controller', '--log-level=debug'], node)
})
afterAll(() => serve.stop())

const secret = (value: string) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'db' },
  stringData: { key: value },
})

/** One rolls out by our checksum, one by Reloader's annotation, and one reloads in place. */
const workloads = () => {
  const env = deployment('env', { env: [] })
  Object.assign(env.spec.template.spec.containers[0] ?? {}, { envFrom: [{ secretRef: { name: 'db' } }] })
  const listed = deployment('listed', { metadata: { 'secret.reloader.stakater.com/reload': 'db' }, env: [] })
  const metadata = { 'hotreload.dev/inject': 'true', 'hotreload.dev/signal': 'SIGHUP' }
  const inPlace = deployment('in-place', { metadata, env: [] })
  Object.assign(inPlace.spec.template.spec, { volumes: [{ name: 'db', secret: { secretName: 'db' } }] })
  Object.assign(inPlace.spec.template.spec.containers[0] ?? {}, {
    volumeMounts: [{ name: 'db', mountPath: '/db' }],
  })
  return [env, listed, inPlace]
}

test('logs, metrics, objects and memory hold no value of a Secret and no plain hash of one', async () => {
  const values = [marker(1), marker(2)]
  const [first = '', second = ''] = values
  await ns.apply([secret(first), ...workloads()])
  await until('the controller leads', () => serve.logged('leading').length > 0)
  await until('the baselines are stored', async () => {
    const shards = await own.list<V1ConfigMap>('configmaps', 'hotreload.dev/part=baselines')
    const known = new Set(shards.flatMap(({ data = {} }) => Object.keys(data)))
    const rollout = (await ns.list<V1Deployment>('deployments')).filter(
      ({ metadata }) => metadata?.name !== 'in-place',
    )
    return rollout.length === 2 && rollout.every(({ metadata }) => known.has(metadata?.uid ?? ''))
  })
  await ns.apply(secret(second))
  const revisions = async () => {
    const all = await ns.list<V1Deployment>('deployments')
    return new Map(
      all.map(({ metadata }) => [
        metadata?.name,
        metadata?.annotations?.['deployment.kubernetes.io/revision'],
      ]),
    )
  }
  await until('both have rolled out', async () => {
    const now = await revisions()
    return now.get('env') === '2' && now.get('listed') === '2'
  })
  await until('the Events', async () => (await ns.kubectl(['get', 'events'])).includes('RolledOut'))

  const used = { kind: 'ConfigMap', namespace: '', name: 'db', optional: false } as const
  const words = values.flatMap((value) => [
    value,
    base64(value),
    createHash('sha256').update(value).digest('hex').slice(0, 16),
    checksum(used, { binaryData: { key: base64(value) } }),
  ])
  const kinds = 'configmaps,deployments,replicasets,events,leases'
  const outputs = [
    serve.log(),
    await metrics(),
    await ns.kubectl(['get', kinds, '--output=json', '--show-managed-fields']),
    await own.kubectl(['get', kinds, '--output=json', '--show-managed-fields']),
  ].join('\n')
  expect(outputs).toContain('ConfigMap')
  expect(words.filter((word) => outputs.includes(word))).toEqual([])

  // Node collects garbage before a snapshot, so everything in it is still referenced.
  serve.child.kill('SIGUSR2')
  const snapshot = await until('a heap snapshot', async () => {
    const name = (await readdir(serve.directory)).find((one) => one.endsWith('.heapsnapshot'))
    const text = name === undefined ? '' : await readFile(join(serve.directory, name), 'utf8')
    return text.trimEnd().endsWith('}') && text
  })
  expect(snapshot).toContain('hotreload-baselines-')
  expect(words.filter((word) => snapshot.includes(word))).toEqual([])
  expect(await heldBytes(serve.child, words)).toEqual([])
})

async function metrics(): Promise<string> {
  const [, port] = /"metricsPort":(\d+)/.exec(serve.log()) ?? []
  return (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
}
