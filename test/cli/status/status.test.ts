// What each Pod has loaded: which agents are asked, their reports, and the limits of the requests.
import type { V1Pod } from '@kubernetes/client-node'
import { describe, expect, test } from 'vitest'
import type { ApiCall, ApiResponse } from '../../../src/api/api.ts'
import { mapLimit } from '../../../src/async/map-limit.ts'
import { agentsOf, isInjectedOrOptedIn, readReport, statusOfPod } from '../../../src/cli/status/agents.ts'
import { type PodChoice, readStatus } from '../../../src/cli/status/status.ts'
import { age, statusTable } from '../../../src/cli/status/status-table.ts'
import { injectPod } from '../../../src/inject/pod.ts'
import type { KubeClient } from '../../../src/kube/client.ts'
import { AGENT_IMAGE, decisionFor, keys, nginx, pod, podSpec } from '../../support/builders.ts'

const NOW = Date.parse('2026-11-21T00:10:00Z')
const statusOf = (client: KubeClient, choice: PodChoice = { namespace: 'shop' }) =>
  readStatus(client, choice, NOW)

/** As the webhook injects it. */
function injected(name: string, containers: string[], change: Partial<V1Pod> = {}): V1Pod {
  const spec = podSpec({ containers: containers.map((one) => nginx({ name: one })) })
  const made = injectPod(pod(spec), decisionFor(spec).plan, { agentImage: AGENT_IMAGE, version: '0.1.0' })
  return {
    ...made,
    metadata: { ...made.metadata, name, namespace: 'shop' },
    status: { phase: 'Running' },
    ...change,
  }
}

const ofJob = (one: V1Pod): V1Pod => ({
  ...one,
  metadata: {
    ...one.metadata,
    ownerReferences: [{ apiVersion: 'batch/v1', kind: 'Job', name: 'x', uid: '1', controller: true }],
  },
})

describe('the agents to ask', () => {
  test.each(['cache', '1'])(
    'each agent by its own port, in the order of the containers: web, %s',
    (other) => {
      const two = injected('web-1', ['web', other])
      expect(agentsOf(two).map(({ container, port }) => [container, port])).toEqual([
        ['web', 9467],
        [other, 9468],
      ])
      const ports = two.spec?.initContainers?.flatMap(({ args = [] }) =>
        args.filter((one) => one.startsWith('--port=')),
      )
      expect(ports).toEqual(['--port=9467', '--port=9468'])
    },
  )

  test.each(['', '{', 'null', '{"containers":3}', '{"containers":{"a":1,"b":{"agent":7}}}'])(
    'an annotation of %j names no agent',
    (text) => expect(agentsOf({ metadata: { annotations: keys({ status: text }) } })).toEqual([]),
  )

  test('Pods that have no agent and are not opted in are left out', () => {
    expect(isInjectedOrOptedIn({ metadata: { annotations: { a: 'b' } } })).toBe(false)
    expect(isInjectedOrOptedIn(injected('web-1', ['web']))).toBe(true)
    expect(isInjectedOrOptedIn(pod() as V1Pod)).toBe(true)
  })

  test.each<[string, V1Pod, string | undefined]>([
    ['a running one', injected('web-1', ['web']), undefined],
    ['one that starts', injected('web-1', ['web'], { status: { phase: 'Pending' } }), 'pending'],
    [
      'one that ends',
      {
        ...injected('web-1', ['web']),
        metadata: { ...injected('web-1', ['web']).metadata, deletionTimestamp: new Date() },
      },
      'ending',
    ],
    ['an opted-in one without an agent', pod(), 'not injected'],
    ['one that uses nothing', pod(podSpec({ volumes: [] })), 'no agent'],
    ['one whose changes roll out', pod(podSpec({ containers: [nginx({ image: 'redis' })] })), 'rolls out'],
    ['the same of a Job', ofJob(pod(podSpec({ containers: [nginx({ image: 'redis' })] }))), 'no agent'],
  ])('%s', (_, one, state) => expect(statusOfPod(one, NOW)?.state).toBe(state))
})

const of: V1Pod = { metadata: { uid: '6f9c' } }
const at = { namespace: 'shop', pod: 'web-1', container: 'web', port: 9467, of }
const volume = {
  name: 'conf',
  watch: 'inotify',
  current: true,
  loadedAt: '2026-11-21T00:00:00Z',
  sha256: 'ab'.repeat(32),
}

test.each([
  [{}, 'not injected'],
  [keys({ gate: 'publish', validate: 'nginx -t' }), 'not gated'],
])('a Pod with %j that was made while the webhook was away is %s', (annotations, state) => {
  const row = statusOfPod(pod(podSpec(), annotations), NOW)
  expect(row).toMatchObject({ state, failed: true })
  expect(statusTable(row ? [row] : [], 'shop', NOW, undefined)).toContain(state)
})

describe('the reports', () => {
  test('all is loaded', () =>
    expect(
      readReport(
        at,
        {
          version: '0.1.0',
          container: 'web',
          reload: 'signal',
          state: 'loaded',
          error: null,
          volumes: [volume],
        },
        NOW,
      ),
    ).toEqual({
      namespace: 'shop',
      pod: 'web-1',
      container: 'web',
      state: 'loaded',
      failed: false,
      reload: 'signal',
      volumes: [{ name: 'conf', current: true, loadedAt: '2026-11-21T00:00:00Z', sha256: 'ab'.repeat(32) }],
    }))

  test('a URL is shown without its query, which may hold a token', () =>
    expect(
      readReport(
        at,
        {
          state: 'refused',
          error: { code: 'HR_HTTP_REFUSED', message: 'POST http://127.0.0.1:80/x?token=y: answered 403' },
          volumes: [],
        },
        NOW,
      ),
    ).toMatchObject({ note: 'POST http://127.0.0.1:80/x: answered 403 [HR_HTTP_REFUSED]' }))

  test('the reason why something is not loaded comes first, then the warnings', () =>
    expect(
      readReport(
        at,
        {
          state: 'refused',
          error: { code: 'HR_SIGNAL_REFUSED', message: 'SIGHUP not sent' },
          warnings: [{ code: 'HR_LINK_LOST', message: 'put back' }],
          volumes: [{ ...volume, current: false, sha256: null }],
        },
        NOW,
      ),
    ).toMatchObject({
      state: 'refused',
      note: 'SIGHUP not sent [HR_SIGNAL_REFUSED]; put back [HR_LINK_LOST]',
      volumes: [{ name: 'conf', current: false }],
    }))

  test('what a gate holds, has on trial or has reverted is shown, and a revert is a failure', () => {
    const until = '2026-11-21T00:11:00Z'
    const gate = { held: null, trial: { sha256: 'cd'.repeat(32), until }, reverted: null }
    const baking = readReport(at, { state: 'baking', error: null, volumes: [{ ...volume, gate }] }, NOW)
    expect(baking).toMatchObject({ state: 'baking', failed: false, volumes: [{ trialUntil: until }] })
    const reverted = readReport(
      at,
      {
        state: 'reverted',
        error: { code: 'HR_REVERTED', message: 'status 500', at: until },
        volumes: [{ ...volume, gate: { trial: null, reverted: { sha256: 'ef'.repeat(32), at: until } } }],
      },
      NOW,
    )
    expect(reverted).toMatchObject({ failed: true, note: 'status 500 [HR_REVERTED]' })
    const table = statusTable([baking, reverted], 'shop', NOW, undefined)
    expect(table).toContain(`conf@abababab (on trial until ${until})`)
    expect(table).toContain('conf@abababab (reverted efefefef)')
  })

  const problem = (state: string, code: string, seconds: number) => ({
    state,
    error: { code, message: 'not done', at: new Date(NOW - seconds * 1000).toISOString() },
  })

  test('an agent that waits or tries again fails once that lasts, while its container runs', () => {
    const runsFor = (seconds: number) => {
      const state = { running: { startedAt: new Date(NOW - seconds * 1000) } }
      return { ...at, of: { ...of, status: { containerStatuses: [{ name: 'web', state }] } } as V1Pod }
    }
    const waiting = problem('waiting', 'HR_NO_PROCESS', 130)
    expect(readReport(runsFor(3_600), waiting, NOW)).toMatchObject({
      failed: true,
      remedy: 'check hotreload.dev/preset, hotreload.dev/process, hotreload.dev/signal',
    })
    expect(readReport(runsFor(60), waiting, NOW)).toMatchObject({ state: 'waiting', failed: false })
    expect(readReport(at, waiting, NOW)).toMatchObject({ state: 'waiting', failed: false })
    expect(readReport(runsFor(3_600), problem('retrying', 'HR_HTTP_FAILED', 30), NOW).failed).toBe(false)
    expect(readReport(runsFor(3_600), problem('retrying', 'HR_HTTP_FAILED', 130), NOW).failed).toBe(true)
  })

  test.each([
    ['unconfirmed', 'HR_UNCONFIRMED', {}, 'web'],
    [
      'invalid',
      'HR_VALIDATION_FAILED',
      { reload: 'signal', agent: 'hotreload-agent-web' },
      'hotreload-agent-web',
    ],
    ['invalid', 'HR_VALIDATION_FAILED', { reload: 'supervise', agent: 'hotreload-agent' }, 'web'],
  ])('%s [%s] of %j: the log that says why, as a command', (state, code, status, log) => {
    const annotations = { 'hotreload.dev/status': JSON.stringify({ containers: { web: status } }) }
    const pod = { ...of, metadata: { ...of.metadata, namespace: 'shop', name: 'web-1', annotations } }
    const row = readReport({ ...at, of: pod }, problem(state, code, 0), NOW)
    expect(row.remedy).toBe(`kubectl logs -n shop web-1 -c ${log}`)
    expect(statusTable([row], 'shop', NOW, undefined)).toContain(`not done [${code}]; ${row.remedy}`)
  })

  test('of another Pod’s agent is not believed: with hostNetwork the Pods of a node share its ports', () => {
    const elsewhere = { state: 'loaded', podUid: 'another' }
    const note = "the port belongs to another Pod's agent"
    expect(readReport(at, elsewhere, NOW)).toMatchObject({ state: 'unreachable', volumes: [], note })
    expect(readReport(at, { state: 'loaded', podUid: '6f9c' }, NOW).state).toBe('loaded')
  })

  test.each([undefined, null, 'hello', [], {}, { state: 3 }])('%j is no agent', (answer) =>
    expect(readReport(at, answer, NOW)).toMatchObject({ state: 'unreachable', volumes: [] }),
  )
})

/** Answers by path; a function may reject or wait. */
function clientOf(answer: (call: ApiCall) => ApiResponse | Promise<ApiResponse>): KubeClient {
  return {
    namespace: 'shop',
    call: async (call) => answer(call),
    stream: () => Promise.reject(new Error('not asked for')),
  }
}
const ok = (body: unknown): ApiResponse => ({ status: 200, body })
const isList = ({ path }: ApiCall) => /\/pods\?/.test(path)

describe('all of a namespace', () => {
  test('through the API server’s proxy to each agent’s port, in order', async () => {
    const asked: string[] = []
    const client = clientOf((call) => {
      asked.push(call.path)
      return isList(call)
        ? ok({
            kind: 'PodList',
            items: [injected('web-2', ['web', 'cache']), injected('web-1', ['web']), { metadata: {} }],
          })
        : ok({ state: 'loaded', volumes: [volume] })
    })
    const rows = await statusOf(client)
    expect(rows.map((row) => `${row.pod} ${row.container} ${row.state}`)).toEqual([
      'web-1 web loaded',
      'web-2 cache loaded',
      'web-2 web loaded',
    ])
    expect(asked.toSorted()).toEqual([
      '/api/v1/namespaces/shop/pods/web-1:9467/proxy/status',
      '/api/v1/namespaces/shop/pods/web-2:9467/proxy/status',
      '/api/v1/namespaces/shop/pods/web-2:9468/proxy/status',
      '/api/v1/namespaces/shop/pods?limit=250',
    ])
  })

  test('page by page', async () => {
    const client = clientOf((call) => {
      if (!isList(call)) return ok({ state: 'loaded' })
      const second = call.path.includes('continue=next%26page')
      return ok({
        metadata: { continue: second ? '' : 'next&page' },
        items: [injected(second ? 'web-2' : 'web-1', ['web'])],
      })
    })
    expect(await statusOf(client, { namespace: undefined })).toHaveLength(2)
  })

  test.each<[string, () => ApiResponse | Promise<ApiResponse>, RegExp]>([
    ['no answer', () => Promise.reject(new Error('timeout')), /no answer from port 9467 within 5 s/],
    ['an error of the proxy', () => ({ status: 503, body: { code: 503 } }), /503 from port 9467/],
    ['no right', () => ({ status: 403, body: { code: 403 } }), /you may not get pods\/proxy/],
    ['another program on the port', () => ok(undefined), /another program answers on its port/],
  ])('%s is a state, not an error', async (_, answer, note) => {
    const client = clientOf((call) => (isList(call) ? ok({ items: [injected('web-1', ['web'])] }) : answer()))
    expect(await statusOf(client)).toMatchObject([
      { state: 'unreachable', note: expect.stringMatching(note) },
    ])
  })

  test('without the right to list Pods: the error names it', async () => {
    const client = clientOf(() => ({ status: 403, body: {} }))
    await expect(statusOf(client)).rejects.toThrow(/you may not list pods in namespace shop.*HR_FORBIDDEN/)
  })

  test('reports its progress', async () => {
    const said: string[] = []
    const client = clientOf((call) =>
      isList(call) ? ok({ items: [injected('web-1', ['web'])] }) : ok({ state: 'loaded' }),
    )
    await readStatus(client, { namespace: 'shop' }, NOW, (text) => said.push(text))
    expect(said).toEqual(['listing Pods: 1', 'asking agents: 1 of 1'])
  })
})

/** With the kubelet's word on container web. */
const kubelet = (phase: string, change: object): V1Pod =>
  injected('web-1', ['web'], { status: { phase, ...change } })
const waiting = (reason: string, message?: string) => ({
  waiting: { reason, ...(message ? { message } : {}) },
})
const container = (state: object, restartCount = 0) => ({
  name: 'web',
  state,
  restartCount,
  image: '',
  imageID: '',
  ready: false,
})

describe('a program that does not run is never loaded', () => {
  test.each<[string, V1Pod, object]>([
    [
      'a crash loop',
      kubelet('Running', { containerStatuses: [container(waiting('CrashLoopBackOff', 'back-off 10s'), 3)] }),
      { container: 'web', state: 'CrashLoopBackOff', failed: true, note: 'back-off 10s; 3 restarts' },
    ],
    [
      'a container that was killed',
      kubelet('Running', {
        containerStatuses: [container({ terminated: { exitCode: 137, reason: 'OOMKilled' } }, 1)],
      }),
      { container: 'web', state: 'OOMKilled', failed: true, note: '1 restart' },
    ],
    [
      'a container that ended with many words',
      kubelet('Running', {
        containerStatuses: [
          container({ terminated: { exitCode: 1, reason: 'Error', message: 'a'.repeat(4_000) } }),
        ],
      }),
      { state: 'Error', note: 'a'.repeat(500) },
    ],
    [
      'an image that is missing',
      kubelet('Pending', {
        initContainerStatuses: [
          { ...container(waiting('ImagePullBackOff', 'no such image')), name: 'hotreload-agent' },
        ],
        containerStatuses: [container(waiting('PodInitializing'))],
      }),
      { state: 'ImagePullBackOff', failed: true, note: 'container hotreload-agent: no such image' },
    ],
    [
      'an agent that can not prepare what the app needs',
      kubelet('Pending', {
        initContainerStatuses: [
          {
            ...container(waiting('CrashLoopBackOff', 'back-off 10s'), 2),
            name: 'hotreload-agent',
            lastState: { terminated: { exitCode: 1, message: '/etc/a: not prepared [HR_LINK_FAILED]' } },
          },
        ],
        containerStatuses: [container(waiting('PodInitializing'))],
      }),
      {
        state: 'CrashLoopBackOff',
        failed: true,
        note: 'container hotreload-agent: back-off 10s; /etc/a: not prepared [HR_LINK_FAILED]; 2 restarts',
      },
    ],
    [
      'a Pod that no node takes',
      kubelet('Pending', { conditions: [{ type: 'PodScheduled', status: 'False', message: '0/3 nodes' }] }),
      { state: 'pending', failed: false, note: '0/3 nodes' },
    ],
  ])('%s', async (_, one, row) => {
    const client = clientOf((call) =>
      isList(call) ? ok({ items: [one] }) : ok({ state: 'loaded', volumes: [volume] }),
    )
    expect(await statusOf(client)).toMatchObject([row])
  })

  test('and where its validator refuses the content, that is why', async () => {
    const crash = kubelet('Running', { containerStatuses: [container(waiting('CrashLoopBackOff'), 3)] })
    const error = { code: 'HR_VALIDATION_FAILED', message: 'validate exited with code 1' }
    const client = clientOf((call) =>
      isList(call) ? ok({ items: [crash] }) : ok({ state: 'invalid', volumes: [volume], error }),
    )
    expect(await statusOf(client)).toEqual([
      {
        namespace: 'shop',
        pod: 'web-1',
        container: 'web',
        state: 'CrashLoopBackOff',
        failed: true,
        volumes: [],
        note: '3 restarts; validate exited with code 1 [HR_VALIDATION_FAILED]',
      },
    ])
  })

  test('a Pod may be pending for five minutes', () => {
    const since = (minutes: number): V1Pod => ({
      ...kubelet('Pending', {}),
      metadata: {
        ...injected('web-1', ['web']).metadata,
        creationTimestamp: new Date(NOW - minutes * 60_000),
      },
    })
    expect(statusOfPod(since(4), NOW)).toMatchObject({ state: 'pending', failed: false })
    expect(statusOfPod(since(6), NOW)).toMatchObject({ state: 'pending', failed: true })
  })
})

test('a restart for variables is named as one, with its ConfigMap', () => {
  const env = { name: 'hotreload-env-web-configmap-envs', configMap: { name: 'envs' } }
  const report = { state: 'loaded', reload: 'none', volumes: [{ ...volume, name: env.name }] }
  const row = readReport({ ...at, of: { ...of, spec: { containers: [], volumes: [env] } } }, report, NOW)
  expect(row).toMatchObject({ reload: 'restart', volumes: [{ source: 'ConfigMap/envs' }] })
  expect(statusTable([row], 'shop', NOW, undefined)).toMatch(
    / restart +10m +env of ConfigMap\/envs@abababab\n$/,
  )
})

describe('which Pods', () => {
  const paths: string[] = []
  const client = clientOf((call) => {
    if (!isList(call)) return ok({ state: 'loaded' })
    paths.push(call.path)
    return ok({
      items: [injected('web-1', ['web']), injected('web-2', ['web']), { metadata: { name: 'plain' } }],
    })
  })

  test('those with the labels', async () => {
    await statusOf(client, { namespace: 'shop', selector: 'app=web,tier in (a,b)' })
    expect(paths.at(-1)).toBe(
      '/api/v1/namespaces/shop/pods?labelSelector=app%3Dweb%2Ctier%20in%20(a%2Cb)&limit=250',
    )
  })

  test('those that are named, whether or not they are opted in', async () => {
    const rows = await statusOf(client, { namespace: 'shop', pods: ['web-2', 'plain'] })
    expect(rows.map((row) => [row.pod, row.state])).toEqual([
      ['plain', 'no agent'],
      ['web-2', 'loaded'],
    ])
  })

  test('one that is in none of all namespaces is an error that says so', () =>
    expect(statusOf(client, { namespace: undefined, pods: ['web-9'] })).rejects.toThrow(
      'get Pod web-9 in any namespace: it does not exist',
    ))

  test('one that does not exist is an error', () =>
    expect(statusOf(client, { namespace: 'shop', pods: ['web-9'] })).rejects.toThrow(
      /web-9.*does not exist.*HR_NO_OBJECT/,
    ))
})

test.each([80, 100, 160])('rows fit %d columns, and a long note stands below its row', (columns) => {
  const row = {
    ...readReport(at, { state: 'loaded', reload: 'signal', volumes: [volume] }, NOW),
    pod: 'web-76b4bd5d88-jv9jf',
  }
  const refused = { ...row, state: 'refused', note: 'SIGHUP not sent: '.repeat(8).trim() }
  const lines = statusTable([row, refused], 'shop', NOW, columns).split('\n')
  expect(lines.filter((line) => line.length > columns)).toEqual([])
  expect(lines[1]).toBe('web-76b4bd5d88-jv9jf   web         loaded    signal   10m      conf@abababab')
  expect(lines[3]).toMatch(/^ {4}SIGHUP not sent: SIGHUP/)
})

describe('mapLimit', () => {
  test('results in order, never more than the limit under way', async () => {
    let [running, most] = [0, 0]
    const results = await mapLimit(
      Array.from({ length: 40 }, (_, index) => index),
      async (index) => {
        running += 1
        most = Math.max(most, running)
        await new Promise((resolve) => setTimeout(resolve, index % 3))
        running -= 1
        return index * 2
      },
      4,
    )
    expect(results).toEqual(Array.from({ length: 40 }, (_, index) => index * 2))
    expect(most).toBe(4)
  })

  test('the first error ends it', () =>
    expect(mapLimit([1, 2, 3], () => Promise.reject(new Error('no')))).rejects.toThrow('no'))
})

test.each([
  [0, ''],
  [1_000, '99s'],
  [1_000 - 25 * 60, '26m'],
])('loaded at %s s', (seconds, expected) => expect(age(seconds * 1000, 1_099_000)).toBe(expected))

test('days and hours', () => {
  const day = 86_400_000
  expect(age(1, 3 * day)).toBe('3d')
  expect(age(1, day)).toBe('24h')
})
