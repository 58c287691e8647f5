// `hotreload approve`: which Pods get which approval, and what says that there is nothing to approve.
import { expect, test } from 'vitest'
import type { ApiCall, ApiResponse } from '../../src/api/api.ts'
import { approve } from '../../src/cli/approve.ts'
import { parseTargets } from '../../src/cli/explain/target.ts'
import type { KubeClient } from '../../src/kube/client.ts'
import { injectedPod, keys, pod, podSpec, workload } from '../support/builders.ts'

const gate = keys({ inject: 'true', gate: 'strict', validate: 'nginx -t' })
const HELD = 'ab'.repeat(32)
const held = { sha256: HELD, refusals: 3, since: '2026-01-01T00:00:00Z' }

/** A Deployment with these Pods; `waits`: it has not started; `crashes`: its program does not run at the moment. */
function cluster(
  pods: Record<string, { report?: unknown; waits?: boolean; crashes?: boolean }>,
  patched = 200,
) {
  const calls: ApiCall[] = []
  const items = Object.entries(pods).map(([name, { waits, crashes }]) => {
    const made = injectedPod(pod(podSpec(), gate))
    const running = { name: 'hotreload-gate-web', state: { running: {} } }
    const crashed = { name: 'web', state: { waiting: { reason: 'CrashLoopBackOff' } }, restartCount: 1 }
    const status = waits
      ? { phase: 'Pending', initContainerStatuses: [running] }
      : { phase: 'Running', containerStatuses: crashes ? [crashed] : [] }
    return { ...made, metadata: { ...made.metadata, name, namespace: 'shop' }, status }
  })
  const deployment = workload({ own: gate, fields: { selector: { matchLabels: { app: 'web' } } } })
  const answer = (call: ApiCall): ApiResponse => {
    if (call.method === 'PATCH') return { status: patched, body: {} }
    if (call.path.includes('/deployments/')) return { status: 200, body: deployment }
    if (call.path.includes('/pods?')) return { status: 200, body: { items } }
    const name = /\/pods\/([^:]+):/.exec(call.path)?.[1] ?? ''
    return { status: 200, body: pods[name]?.report }
  }
  const client: KubeClient = {
    namespace: 'shop',
    call: async (call) => {
      calls.push(call)
      return answer(call)
    },
    stream: () => Promise.reject(new Error('not asked for')),
  }
  const patches = () => calls.filter(({ method }) => method === 'PATCH')
  return { run: () => approve(client, parseTargets(['deployment/web'], 'approve')[0] as never, 0), patches }
}

const report = (gateOf: unknown) => ({
  state: 'held',
  volumes: [{ name: 'conf', current: true, gate: gateOf }],
})

test('each Pod that holds something gets its content approved, also one that waits or crashes', async () => {
  const { run, patches } = cluster({
    a: { report: report({ held }) },
    b: { report: report({ held: null }) },
    c: { report: report({ held }), waits: true },
    d: { report: report({ held }), crashes: true },
  })
  expect((await run()).approved.map((one) => one.pod).toSorted()).toEqual(['a', 'c', 'd'])
  expect(patches()).toMatchObject(
    ['a', 'c', 'd'].map((name) => ({
      path: `/api/v1/namespaces/shop/pods/${name}?fieldManager=hotreload`,
      body: { metadata: { annotations: { 'hotreload.dev/approve': `conf@${HELD}` } } },
    })),
  )
})

test('reverted content is approved as well, and Pods whose agents do not answer are named', async () => {
  const { run, patches } = cluster({
    a: {
      report: report({ held: null, reverted: { sha256: HELD, at: '2026-01-01T00:00:00Z', reason: 'x' } }),
    },
    b: { report: '<html>' },
  })
  const { approved, unanswered } = await run()
  expect(approved).toEqual([{ pod: 'a', held: [`conf@${HELD}`] }])
  expect(unanswered).toMatchObject([{ pod: 'b', note: 'another program answers on its port' }])
  expect(patches()).toHaveLength(1)
  await expect(cluster({ b: { report: '<html>' } }).run()).rejects.toThrow(
    'no gate of Deployment web holds anything back; these Pods do not answer: b; see hotreload status [HR_NOTHING_HELD]',
  )
})

test('what is no name and no hash reaches neither the annotation nor the terminal', async () => {
  for (const sha256 of ['x', `${HELD},conf@${'0'.repeat(64)}`, 'A'.repeat(64)])
    await expect(cluster({ a: { report: report({ held: { ...held, sha256 } }) } }).run()).rejects.toThrow(
      'HR_NOTHING_HELD',
    )
  const named = { state: 'held', volumes: [{ name: 'conf\u001b[2J', current: true, gate: { held } }] }
  await expect(cluster({ a: { report: named } }).run()).rejects.toThrow('HR_NOTHING_HELD')
})

test('where nothing is held, or a Pod may not be patched, the error says so', async () => {
  await expect(cluster({ a: { report: report({ held: null }) } }).run()).rejects.toThrow('HR_NOTHING_HELD')
  await expect(cluster({ a: { report: report({ held }) } }, 403).run()).rejects.toThrow(
    /you may not patch Pod a .*HR_FORBIDDEN/,
  )
  expect(() => parseTargets(['web'], 'approve')).toThrow(/^approve: "web" is not KIND\/NAME/)
})
