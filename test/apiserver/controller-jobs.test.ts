// A Job is deleted and recreated, and the controller is killed at each step.
import type { V1ConfigMap, V1Job } from '@kubernetes/client-node'
import { beforeEach, expect, test } from 'vitest'
import { type Api, type ApiCall } from '../../src/api/api.ts'
import { systemClock } from '../../src/async/clock.ts'
import { parseInstallKey } from '../../src/cli/serve/install-key.ts'
import { createJobReplacements, type JobReplacements } from '../../src/compat/jobs/replace-job.ts'
import { createClient } from '../../src/kube/client.ts'
import { kubeconfigConnection } from '../../src/kube/connection.ts'
import type { ApiObject } from '../../src/workload/pod-template.ts'
import { cluster, type Namespace, namespace, until } from '../support/kube.ts'

let own: Namespace
let ns: Namespace
let api: Api
beforeEach(async () => {
  ;[own, ns] = [await namespace(), await namespace()]
  api = createClient({
    ...(await kubeconfigConnection(cluster().kubeconfig, own.name)),
    namespace: own.name,
  })
})

const job = (name: string, finalizers: string[] = []) => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name, labels: { team: 'a' }, finalizers },
  spec: {
    template: {
      spec: {
        restartPolicy: 'Never',
        nodeSelector: { never: 'here' },
        containers: [{ name: 'app', image: 'localhost/none:1', env: [{ name: 'TOKEN', value: 'planted' }] }],
      },
    },
  },
})

/**
 * @param call undefined: the API server's own
 * @param events receives the reason of each Event
 */
function replacements(call: Api['call'] | undefined, events: string[] = []): JobReplacements {
  return createJobReplacements({
    api: call ? { namespace: own.name, call } : api,
    clock: systemClock,
    installKey: () => parseInstallKey('ab'.repeat(32)),
    report: { event: (_about, _type, reason) => events.push(reason), log() {} },
    isLeading: () => true,
  })
}

/** Fails after (or, with `lost`, just before) the first call with this method, as if the controller had been killed. */
function killedAfter(method: ApiCall['method'], { lost = false } = {}): Api['call'] {
  let dead = false
  return async (call) => {
    if (dead) throw new Error('dead')
    dead = call.method === method && !call.path.includes('dryRun')
    if (dead && lost) throw new Error('dead')
    const response = await api.call(call)
    if (dead) throw new Error('dead')
    return response
  }
}

async function readJob(name: string): Promise<ApiObject> {
  const found = await ns.get<V1Job & ApiObject>('job', name)
  return { ...found, apiVersion: 'batch/v1', kind: 'Job' }
}
const records = async () =>
  (await own.list<V1ConfigMap>('configmaps')).find(({ metadata }) => metadata?.name === 'hotreload-jobs')
    ?.data ?? {}
const uidOf = async (name: string) =>
  (await ns.list<V1Job>('jobs')).find((one) => one.metadata?.name === name)?.metadata?.uid
const CHECKSUMS = '{"ConfigMap/conf":"2"}'

test.each<[string, () => Api['call'], boolean]>([
  ['after the record', () => killedAfter('POST'), false],
  ['before the deletion arrives', () => killedAfter('DELETE', { lost: true }), false],
  ['after the deletion', () => killedAfter('DELETE'), true],
])('a controller that is killed %s loses no Job', async (_name, killed, replaced) => {
  await ns.apply(job('import'))
  const before = await readJob('import')
  const first = replacements(killed())
  await expect(first.replace(before, CHECKSUMS)).rejects.toThrow('dead')
  first.stop()
  expect(Object.keys(await records())).toEqual([before.metadata?.uid])
  expect(JSON.stringify(await records())).not.toContain('planted')

  const next = replacements(undefined)
  await next.takeOver()
  await until('the record is dropped', async () => Object.keys(await records()).length === 0)
  next.stop()
  const uid = await uidOf('import')
  expect(uid === before.metadata?.uid).toBe(!replaced)
  const after = await readJob('import')
  expect(after.metadata?.labels).toMatchObject({ team: 'a' })
  if (replaced) expect(after.metadata?.annotations).toMatchObject({ 'hotreload.dev/checksum': CHECKSUMS })
})

test('the next leader recreates a Job whose deletion takes long', async () => {
  await ns.apply(job('slow', ['example.com/wait']))
  const before = await readJob('slow')
  const first = replacements(killedAfter('DELETE'))
  await expect(first.replace(before, CHECKSUMS)).rejects.toThrow('dead')
  first.stop()
  const next = replacements(undefined)
  await next.takeOver()
  await ns.kubectl(['patch', 'job', 'slow', '--type=merge', '--patch={"metadata":{"finalizers":null}}'])
  await until('another Job', async () => {
    const uid = await uidOf('slow')
    return uid !== undefined && uid !== before.metadata?.uid
  })
  await until('the record is dropped', async () => Object.keys(await records()).length === 0)
  next.stop()
})

test('a Job that a user has recreated meanwhile stays as it is', async () => {
  await ns.apply(job('theirs'))
  const before = await readJob('theirs')
  const first = replacements(killedAfter('DELETE'))
  await expect(first.replace(before, CHECKSUMS)).rejects.toThrow('dead')
  first.stop()
  await ns.apply(job('theirs'))
  const theirs = await uidOf('theirs')
  const events: string[] = []
  const next = replacements(undefined, events)
  await next.takeOver()
  await until('the record is dropped', async () => Object.keys(await records()).length === 0)
  next.stop()
  expect(await uidOf('theirs')).toBe(theirs)
  expect(events).toEqual([])
})

test('a Job that a quota refuses gets an Event, and is recreated once the quota allows it', async () => {
  await ns.apply(job('big'))
  const before = await readJob('big')
  const first = replacements(killedAfter('DELETE'))
  await expect(first.replace(before, CHECKSUMS)).rejects.toThrow('dead')
  first.stop()
  await ns.apply({
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { name: 'none' },
    spec: { hard: { 'count/jobs.batch': '0' } },
  })
  const refused = async () =>
    (
      await api.call({
        method: 'POST',
        path: `/apis/batch/v1/namespaces/${ns.name}/jobs?dryRun=All`,
        body: job('probe'),
      })
    ).status === 403
  await until('the quota is in force', refused)
  const events: string[] = []
  const next = replacements(undefined, events)
  await next.takeOver()
  await until('the Event', () => events.includes('RolloutFailed'))
  expect(await uidOf('big')).toBeUndefined()
  await ns.kubectl(['delete', 'resourcequota', 'none'])
  await until('the Job is recreated', async () => (await uidOf('big')) !== undefined, 120_000)
  next.stop()
})
