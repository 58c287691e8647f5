import { describe, expect, test } from 'vitest'
import { podHandler } from '../../src/admission/pod-handler.ts'
import { workloadHandler } from '../../src/admission/workload-handler.ts'
import { annotations, written } from '../../src/policy/annotations.ts'
import { builtInDefaults } from '../../src/policy/defaults.ts'
import { parseDefaults } from '../../src/policy/policy-file.ts'
import { type ApiObject, podTemplate } from '../../src/workload/pod-template.ts'
import { keys, nginx, pod, podSpec, pods, readerOf, requestFor, submit } from '../support/builders.ts'
import { countingServer, review } from '../support/server.ts'

const specOf = (object: ApiObject) => podTemplate(object)?.spec ?? { containers: [] }
const names = (object: ApiObject) => specOf(object).initContainers?.map(({ name }) => name)
const bare = (object: ApiObject): ApiObject => ({
  ...object,
  metadata: { ...object.metadata, ownerReferences: [] },
})

describe('an opted-in Pod', () => {
  test('gets its agent', async () => {
    const { object, outcome, warnings, allowed } = await submit(pods(), pod())
    expect({ outcome, warnings, allowed }).toEqual({ outcome: 'injected', warnings: [], allowed: true })
    expect(names(object)).toEqual(['hotreload-install', 'hotreload-agent'])
  })

  test('gets one agent only, however often it is reviewed', async () => {
    const once = (await submit(pods(), pod())).object
    expect(await submit(pods(), once)).toMatchObject({
      outcome: 'skipped',
      reason: 'alreadyInjected',
      object: once,
      warnings: [],
    })
  })

  test('keeps what other injectors do before and after', async () => {
    const proxy = nginx({ name: 'istio-proxy', image: 'istio/proxyv2' })
    const before = pod(podSpec({ containers: [nginx(), proxy] }))
    const once = (await submit(pods(), before)).object
    expect(specOf(once).containers.map(({ name }) => name)).toEqual(['web', 'istio-proxy'])
    const spec = specOf(once)
    const late = { ...once, spec: { ...spec, containers: [...spec.containers, nginx({ name: 'late' })] } }
    expect((await submit(pods(), late)).patch ?? []).toEqual([])
  })

  test('with the cluster’s defaults below its own annotations', async () => {
    const handler = podHandler({
      agentImage: 'a',
      version: '0',
      defaults: () => parseDefaults('defaults: { reload: none, subpath: copy }'),
    })
    const volumeMounts = [{ name: 'conf', mountPath: '/etc/nginx/nginx.conf', subPath: 'nginx.conf' }]
    const { object } = await submit(handler, pod(podSpec({ containers: [nginx({ volumeMounts })] })))
    expect(specOf(object).initContainers?.at(-1)?.args).toContain('--reload=none')
    expect(specOf(object).initContainers?.at(-1)?.args).toContain(
      '--copy=/etc/nginx/nginx.conf:conf/nginx.conf',
    )
  })

  test('the cluster’s timeout reaches the agents that run commands', async () => {
    const handler = podHandler({
      agentImage: 'a',
      version: '0',
      defaults: () => parseDefaults('timeout: 1m30s'),
    })
    const argsWith = async (short: Record<string, string>) =>
      specOf((await submit(handler, pod(podSpec(), keys(short)))).object).initContainers?.at(-1)?.args
    expect(await argsWith({ validate: 'nginx -t' })).toContain('--timeout=90000ms')
    expect((await argsWith({}))?.join(' ')).not.toContain('--timeout')
  })
})

describe('a skipped Pod is allowed, with the reason as a warning', () => {
  test.each<[why: string, object: ApiObject, reason: string, warnings: string[]]>([
    ['it is not opted in', { ...pod(), metadata: {} }, 'notRequested', []],
    ['it says no', pod(podSpec(), keys({ inject: 'false' })), 'notRequested', []],
    [
      'it says no, and has mistakes',
      pod(podSpec(), keys({ inject: 'false', signal: 'HUPP' })),
      'notRequested',
      [],
    ],
    [
      'mistakes',
      pod(podSpec(), keys({ signal: 'HUPP' })),
      'invalid',
      [
        'hotreload.dev/signal: "HUPP" is not a signal; use a name such as SIGHUP or a number from 1 to 31 [HR_BAD_SIGNAL]',
        'this Pod is not injected: its hotreload.dev annotations have mistakes',
      ],
    ],
    [
      'hostPID',
      pod(podSpec({ hostPID: true })),
      'hostPID',
      [
        'this Pod is not injected: spec.hostPID is true, so the Pod has no process namespace of its own to share',
      ],
    ],
    [
      'nothing to watch',
      pod(podSpec({ volumes: [] })),
      'nothingToWatch',
      [
        'this Pod is not injected: no container uses a ConfigMap or Secret in a way that can be reloaded in place',
      ],
    ],
  ])('%s', async (_, object, reason, warnings) =>
    expect(await submit(pods(), object)).toMatchObject({
      allowed: true,
      outcome: 'skipped',
      reason,
      warnings,
      object,
    }),
  )
})

describe('a bare Pod', () => {
  test('keeps its own containers as they are, so that applying it again changes nothing', async () => {
    const volumeMounts = [
      { name: 'conf', mountPath: '/etc/nginx/conf.d' },
      { name: 'conf', mountPath: '/etc/nginx/nginx.conf', subPath: 'nginx.conf' },
    ]
    const before = bare(pod(podSpec({ containers: [nginx({ volumeMounts })] })))
    const { object, warnings } = await submit(pods(), before)
    expect(names(object)).toEqual(['hotreload-install', 'hotreload-agent'])
    expect(specOf(object).containers).toEqual(specOf(before).containers)
    expect(warnings).toEqual([
      'container web: subPath mount /etc/nginx/nginx.conf is not updated in place: the mounts of a bare Pod are left as they are',
    ])
  })
})

describe('a malformed object never prevents a Pod', () => {
  const workloads = workloadHandler({
    defaults: () => builtInDefaults,
    reader: readerOf({}),
    installKey: () => undefined,
  })
  const handlers = { pods: pods(), workloads, unlabelled: workloads }
  const { server, answered } = countingServer(pods(), { handlers })

  const good = pod() as ApiObject & { spec: object }
  const spec = (change: object) => ({ ...good, spec: { ...good.spec, ...change } })
  const annotated = (values: object) => ({ ...good, metadata: { ...good.metadata, annotations: values } })
  const container = (change: object) => spec({ containers: [{ ...nginx(), ...change }] })
  const IN = keys({ inject: 'true' })

  const broken: [what: string, object: object][] = [
    ['containers that are text', spec({ containers: 'x' })],
    ['containers that are null', spec({ containers: null })],
    ['a container that is null', spec({ containers: [null] })],
    ['a container that is a number', spec({ containers: [5] })],
    ['a container without a name', spec({ containers: [{}] })],
    ['initContainers that are an object', spec({ initContainers: {} })],
    ['an init container that is null', spec({ initContainers: [null] })],
    ['volumes that are null', spec({ volumes: null })],
    ['volumes that are text', spec({ volumes: 'x' })],
    ['a volume that is null', spec({ volumes: [null] })],
    ['a projected volume of text', spec({ volumes: [{ name: 'conf', projected: { sources: 'x' } }] })],
    ['items that are null', spec({ volumes: [{ name: 'conf', configMap: { name: 'web', items: null } }] })],
    [
      'items that hold null',
      spec({ volumes: [{ name: 'conf', configMap: { name: 'web', items: [null] } }] }),
    ],
    ['volumeMounts that are null', container({ volumeMounts: null })],
    ['a volumeMount that is null', container({ volumeMounts: [null] })],
    [
      'a mountPath that is a number',
      container({ volumeMounts: [{ name: 'conf', mountPath: 5, subPath: 'a' }] }),
    ],
    [
      'a subPath that is an object',
      container({ volumeMounts: [{ name: 'conf', mountPath: '/a', subPath: {} }] }),
    ],
    ['a command that is text', container({ command: 'nginx' })],
    ['args that hold numbers', container({ image: 'prometheus', args: [1, null] })],
    ['an image that is a number', container({ image: 5 })],
    ['env that is null', container({ env: null, envFrom: null })],
    ['env that holds null', container({ env: [null] })],
    ['resources that are text', container({ resources: 'x' })],
    ['limits that are null', container({ resources: { limits: null, requests: null } })],
    ['a securityContext that is text', container({ securityContext: 'x' })],
    ['capabilities that are text', container({ securityContext: { capabilities: { drop: 'ALL' } } })],
    ['annotations that are a number', annotated(Object(5))],
    ['annotations that are a list', annotated(['hotreload.dev/inject'])],
    ['annotations with values that are no text', annotated({ ...IN, 'hotreload.dev/signal': null })],
    ['an inject that is true', annotated({ 'hotreload.dev/inject': true })],
    ['ownerReferences that are text', { ...good, metadata: { ...good.metadata, ownerReferences: 'x' } }],
    ['a forged status', annotated({ ...IN, 'hotreload.dev/status': '{"version":' })],
    ['a forged list of what was mirrored', annotated({ ...IN, 'hotreload.dev/mirrored': ',,,\0,__proto__' })],
    ['a forged checksum', annotated({ ...IN, 'hotreload.dev/checksum': '[' })],
    ...[...Object.keys(annotations), ...Object.keys(written)].map((name): [string, object] => [
      `garbage in ${name}`,
      annotated({ ...IN, [`hotreload.dev/${name}`]: '\u0000{["\u001b[2J' }),
    ]),
  ]

  const asDeployment = (object: object) => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { annotations: Object(object).metadata?.annotations },
    spec: { template: object },
  })

  test.each(broken)('%s', async (_, object) => {
    const asked = [
      { webhook: 'pods', object },
      { webhook: 'workloads', object: asDeployment(object) },
    ]
    for (const { webhook, object: sent } of asked) {
      const response = await server.inject({
        method: 'POST',
        url: `/mutate/${webhook}`,
        headers: { 'content-type': 'application/json' },
        payload: JSON.stringify({ ...review(), request: { ...review().request, object: sent } }),
      })
      expect(response.statusCode).toBe(200)
      const { allowed, patch, warnings = [], status } = response.json().response
      // A workload's mistakes are its user's to correct; a Pod's are nobody's who could.
      if (!allowed)
        expect({ webhook, reason: status.reason }).toEqual({ webhook: 'workloads', reason: 'Invalid' })
      for (const warning of warnings) expect(warning).toMatch(/^[^\p{Cc}]{1,256}$/u)
      // What is there in spite of it is a patch that applies: it was applied before it was sent.
      if (patch) expect(answered.at(-1)?.answer.outcome).toMatch(/^(injected|mutated)$/)
    }
  })

  test('a broken object gets no patch', async () => {
    for (const [what, object] of broken.slice(0, 3)) {
      const response = await server.inject({
        method: 'POST',
        url: '/mutate/pods',
        payload: { ...review(), request: { ...review().request, object } },
      })
      const { patch, warnings } = response.json().response
      expect(patch, what).toBeUndefined()
      expect(warnings, what).toEqual([expect.stringContaining('internal error, admitted unchanged')])
    }
  })

  test('no object at all', async () => {
    const empty = requestFor({})
    expect(await pods()(empty)).toMatchObject({ allowed: true, outcome: 'skipped' })
    expect(await workloads(empty)).toMatchObject({ allowed: true, outcome: 'skipped' })
  })
})
