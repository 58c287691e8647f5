import type { V1Container, V1PodSpec } from '@kubernetes/client-node'
import { describe, expect, test } from 'vitest'
import type { Handler } from '../../src/admission/handler.ts'
import { workloadHandler } from '../../src/admission/workload-handler.ts'
import { injectObject } from '../../src/cli/inject.ts'
import { grantSecrets, manual } from '../../src/manual.ts'
import { builtInDefaults } from '../../src/policy/defaults.ts'
import type { InstallKey } from '../../src/workload/checksum.ts'
import { type ApiObject, podTemplate } from '../../src/workload/pod-template.ts'
import { keys, nginx, podSpec, readerOf, submit, workload } from '../support/builders.ts'

const KEY: InstallKey = { id: '0a1b2c3d', key: new Uint8Array(32).fill(7) }
const IN = keys({ inject: 'true' })

const api = (change: Partial<V1Container> = {}) =>
  nginx({ name: 'api', image: 'example.org/api:1', ...change })
const ofApi: V1PodSpec = podSpec({ containers: [api()] })
const fromSecret: V1PodSpec = podSpec({
  containers: [nginx({ env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'api-db', key: 'a' } } }] })],
})

type Table = Parameters<typeof readerOf>[0]

/** A webhook in a cluster with these ConfigMaps and Secrets. */
function webhook(table: Table = {}, key: InstallKey | undefined = KEY): Handler {
  return workloadHandler({ defaults: () => builtInDefaults, reader: readerOf(table), installKey: () => key })
}
const web = (text: string): Table => ({ 'ConfigMap/web': { data: { 'nginx.conf': text } } })

const annotationsOf = (object: ApiObject) => podTemplate(object)?.metadata?.annotations
const checksumIn = (object: ApiObject) => annotationsOf(object)?.['hotreload.dev/checksum']

/** What is stored after the creation. */
const created = async (object: ApiObject, handler = webhook()) => (await submit(handler, object)).object

/** A copy with other annotations or another image, as a later version of it. */
function changed(
  object: ApiObject,
  {
    own,
    template,
    image,
    replicas,
  }: { own?: Record<string, string>; template?: Record<string, string>; image?: string; replicas?: number },
): ApiObject {
  const copy = structuredClone(object)
  const pod = podTemplate(copy)
  if (own) copy.metadata = { ...copy.metadata, annotations: own }
  if (pod && template) pod.metadata = { ...pod.metadata, annotations: template }
  const [first] = pod?.spec?.containers ?? []
  if (first && image) first.image = image
  if (replicas !== undefined) copy['spec'] = { ...(copy['spec'] as object), replicas }
  return copy
}

describe('mirror', () => {
  test('template keys come from the metadata, and are listed', async () => {
    const own = { ...IN, ...keys({ 'signal.web': 'HUP', pause: 'false' }), 'example.org/x': 'y' }
    const { object, outcome } = await submit(webhook(), workload({ own }))
    expect(annotationsOf(object)).toEqual({
      ...keys({ inject: 'true', 'signal.web': 'HUP', mirrored: 'inject,signal.web' }),
    })
    expect(outcome).toBe('mutated')
  })

  test('nulls in the template of a custom resource are read as absent, and stay', async () => {
    const spec = {
      ...podSpec({ containers: [nginx({ env: null, envFrom: null } as object)] }),
      initContainers: null,
    }
    const rollout = workload({ kind: 'Rollout', own: IN, spec: spec as unknown as V1PodSpec })
    const { patch, warnings } = await submit(webhook(), rollout)
    expect(patch?.map(({ path }) => path)).toEqual(['/spec/template/metadata/annotations'])
    expect(warnings).toEqual([])
  })

  test('nothing but the template’s annotations is touched', async () => {
    const { patch } = await submit(webhook(), workload({ own: IN }))
    expect(patch?.map(({ path }) => path)).toEqual(['/spec/template/metadata/annotations'])
  })

  test('the template’s own keys stay the user’s', async () => {
    const { object } = await submit(webhook(), workload({ own: IN, template: IN }))
    expect(annotationsOf(object)).toEqual(IN)
  })

  test('a changed value follows', async () => {
    const before = await created(workload({ own: { ...IN, ...keys({ signal: 'HUP' }) } }))
    const { object } = await submit(
      webhook(),
      changed(before, { own: { ...IN, ...keys({ signal: 'USR1' }) } }),
      before,
    )
    expect(annotationsOf(object)).toEqual(keys({ inject: 'true', signal: 'USR1', mirrored: 'inject,signal' }))
  })

  test('a removed value is taken back', async () => {
    const before = await created(workload({ own: { ...IN, ...keys({ signal: 'HUP' }) } }))
    const { object } = await submit(webhook(), changed(before, { own: IN }), before)
    expect(annotationsOf(object)).toEqual(keys({ inject: 'true', mirrored: 'inject' }))
  })

  test('without inject nothing is mirrored', async () => {
    const { patch } = await submit(webhook(), workload({ own: keys({ signal: 'HUP' }) }))
    expect(patch).toEqual([])
  })

  test.each([
    ['with inject gone', {}],
    ['with inject: "false"', keys({ inject: 'false' })],
  ])('opting out, %s, leaves a template that never knew us', async (_, own) => {
    const plain = workload({ spec: ofApi })
    const before = await created(
      { ...plain, metadata: { ...plain.metadata, annotations: IN } },
      webhook(web('a')),
    )
    expect(checksumIn(before)).toBeDefined()
    const { object } = await submit(webhook(web('a')), changed(before, { own }), before)
    expect(podTemplate(object)).toEqual(podTemplate(plain))
  })

  test('metadata and template that disagree are denied', async () => {
    const object = workload({
      own: { ...IN, ...keys({ signal: 'HUP' }) },
      template: keys({ signal: 'USR1' }),
    })
    const { allowed, message } = await submit(webhook(), object)
    expect(allowed).toBe(false)
    expect(message).toBe(
      'hotreload.dev/signal: the workload says "HUP", its pod template "USR1"; keep one of them [HR_TWO_VALUES]',
    )
  })

  test('a CronJob has its template further down', async () => {
    const { object } = await submit(webhook(), workload({ kind: 'CronJob', own: IN }))
    expect(annotationsOf(object)).toEqual(keys({ inject: 'true', mirrored: 'inject' }))
  })
})

describe('checksum', () => {
  test('a source that reloads in place needs none', async () =>
    expect(checksumIn(await created(workload({ own: IN }), webhook(web('a'))))).toBeUndefined())

  test('a creation gets the checksums of what rolls out, Secrets under the install key', async () => {
    const table: Table = { ...web('a'), 'Secret/api-db': { binaryData: { a: 'eA==' } } }
    const spec = podSpec({ containers: [...ofApi.containers, ...fromSecret.containers] })
    const checksum = checksumIn(await created(workload({ own: IN, spec }), webhook(table)))
    expect(JSON.parse(checksum ?? '')).toEqual({
      'ConfigMap/web': expect.stringMatching(/^[0-9a-f]{16}$/),
      'Secret/api-db': expect.stringMatching(/^0a1b2c3d\.2:[0-9a-f]{16}$/),
    })
  })

  test('a missing object has one too, so that its creation is a change', async () =>
    expect(checksumIn(await created(workload({ own: IN, spec: ofApi })))).toBe('{"ConfigMap/web":"absent"}'))

  test('only the keys in use count', async () => {
    const table = (unused: string): Table => ({ 'Secret/api-db': { binaryData: { a: 'eA==', b: unused } } })
    const object = workload({ own: IN, spec: fromSecret })
    expect(checksumIn(await created(object, webhook(table('1'))))).toBe(
      checksumIn(await created(object, webhook(table('2')))),
    )
  })

  const object = workload({ own: IN, spec: ofApi })
  const now = webhook(web('new'))
  const stored = () => created(object, webhook(web('old')))
  const checksumNow = async () => checksumIn(await created(object, now))

  test('a changed template gets the checksum of the present content', async () => {
    const before = await stored()
    const after = await submit(now, changed(before, { image: 'example.org/api:2' }), before)
    expect(checksumIn(after.object)).toBe(await checksumNow())
    expect(checksumIn(after.object)).not.toBe(checksumIn(before))
  })

  test('kubectl rollout restart is such a change', async () => {
    const before = await stored()
    const template = { ...annotationsOf(before), 'kubectl.kubernetes.io/restartedAt': '2026-01-01T00:00:00Z' }
    expect(checksumIn((await submit(now, changed(before, { template }), before)).object)).toBe(
      await checksumNow(),
    )
  })

  test.each<[what: string, change: Parameters<typeof changed>[1]]>([
    ['scaling', { replicas: 5 }],
    ['another annotation', { own: { ...IN, 'example.org/x': 'y' } }],
    ['a key of ours that is not the template’s', { own: { ...IN, ...keys({ pause: 'false' }) } }],
    ['nothing', {}],
  ])('%s gives no patch, even if a source changed meanwhile', async (_, change) => {
    const before = await stored()
    const { patch, warnings, outcome } = await submit(now, changed(before, change), before)
    expect({ patch, outcome }).toEqual({ patch: [], outcome: 'unchanged' })
    expect(warnings.filter((warning) => !warning.startsWith('container api'))).toEqual([])
  })

  test('a label gives no patch', async () => {
    const before = await stored()
    const after = structuredClone(before)
    after.metadata = { ...after.metadata, labels: { team: 'shop' } }
    const { patch, warnings } = await submit(now, after, before)
    expect({ patch, warnings }).toEqual({ patch: [], warnings: [] })
  })

  test('a PUT of the user’s own manifest does not lose our annotations', async () => {
    const before = await stored()
    const { object: after } = await submit(now, object, before)
    expect(podTemplate(after)).toEqual(podTemplate(before))
  })

  test('a PUT that also changes the template gets mirrored annotations and a new checksum', async () => {
    const before = await stored()
    const { object: after } = await submit(now, changed(object, { image: 'example.org/api:2' }), before)
    expect(annotationsOf(after)).toEqual({
      ...keys({ inject: 'true', mirrored: 'inject' }),
      'hotreload.dev/checksum': await checksumNow(),
    })
  })

  test('rollout undo to a template with an old checksum gets the present one', async () => {
    const first = await stored()
    const second = (await submit(now, changed(first, { image: 'example.org/api:2' }), first)).object
    const undone = changed(second, { image: 'example.org/api:1', template: { ...annotationsOf(first) } })
    const { object: after } = await submit(now, undone, second)
    expect(checksumIn(after)).toBe(await checksumNow())
  })

  test('an old checksum alone becomes the present one, so that nothing rolls out', async () => {
    const before = await created(object, now)
    const older = {
      ...annotationsOf(before),
      'hotreload.dev/checksum': '{"ConfigMap/web":"0000000000000000"}',
    }
    const { object: after } = await submit(now, changed(before, { template: older }), before)
    expect(podTemplate(after)).toEqual(podTemplate(before))
  })

  test('the controller’s checksum stays if the webhook can’t read the source', async () => {
    const blind = webhook({ 'ConfigMap/web': 'unavailable' })
    const before = await stored()
    const checksum = '{"ConfigMap/web":"1111111111111111","ConfigMap/gone":"2"}'
    const template = { ...annotationsOf(before), 'hotreload.dev/checksum': checksum }
    const { object: after } = await submit(blind, changed(before, { template }), before)
    expect(checksumIn(after)).toBe('{"ConfigMap/web":"1111111111111111"}')
  })

  test('opting in writes it, since the template changes anyway', async () => {
    const before = workload({ spec: ofApi })
    const { object: after } = await submit(now, changed(before, { own: IN }), before)
    expect(checksumIn(after)).toBe(await checksumNow())
  })

  test('a checksum that outlived its opt-in stays until the next change of the template', async () => {
    const before = changed(await stored(), { own: {} })
    expect((await submit(now, changed(before, { replicas: 3 }), before)).patch).toEqual([])
    const { object: after } = await submit(now, changed(before, { image: 'example.org/api:2' }), before)
    expect(annotationsOf(after)).toBeUndefined()
  })

  test.each(['CronJob', 'Job'])('a %s has none: a run reads the present content', async (kind) =>
    expect(checksumIn(await created(workload({ kind, own: IN, spec: ofApi }), now))).toBeUndefined(),
  )

  test.each(['Deployment', 'StatefulSet', 'DaemonSet', 'Rollout'])('a %s has one', async (kind) =>
    expect(checksumIn(await created(workload({ kind, own: IN, spec: ofApi }), now))).toBeDefined(),
  )

  test('a template that hotreload inject wrote reloads in place, and has none', async () => {
    const options = { agentImage: 'a', version: '0', defaults: builtInDefaults, injectAll: false }
    const volumeMounts = [
      { name: 'conf', mountPath: '/etc/nginx/nginx.conf', subPath: 'nginx.conf' },
      { name: 'conf', mountPath: '/etc/a.conf', subPath: 'a.conf' },
    ]
    const plain = workload({ own: IN, spec: podSpec({ containers: [nginx({ volumeMounts })] }) })
    const injected = injectObject(plain, options).object
    expect(injected).not.toBe(plain)
    const { patch, warnings } = await submit(now, injected)
    expect({ patch, warnings }).toEqual({ patch: [], warnings: [] })
  })

  test('its own output gives no patch', async () => {
    for (const handler of [now, webhook()]) {
      const once = await created(object, handler)
      expect((await submit(handler, once)).patch).toEqual([])
      expect((await submit(handler, once, once)).patch).toEqual([])
    }
  })
})

describe('mistakes', () => {
  const wrong = { ...IN, ...keys({ signal: 'HUPP', container: 'wep' }) }
  const messages =
    'hotreload.dev/signal: "HUPP" is not a signal; use a name such as SIGHUP or a number from 1 to 31 [HR_BAD_SIGNAL]\n' +
    'hotreload.dev/container: the Pod has no container wep; it has web [HR_UNKNOWN_NAME]'

  test('are all denied at once, on creation', async () => {
    const { allowed, message, patch, outcome } = await submit(webhook(), workload({ own: wrong }))
    expect({ allowed, message, patch, outcome }).toEqual({
      allowed: false,
      message: messages,
      patch: [],
      outcome: 'denied',
    })
  })

  test('in the template are denied too', async () =>
    expect((await submit(webhook(), workload({ template: wrong }))).allowed).toBe(false))

  test('are denied on an update that adds them', async () => {
    const before = await created(workload({ own: IN }))
    expect((await submit(webhook(), changed(before, { own: wrong }), before)).message).toBe(messages)
  })

  test('of earlier don’t block an update of something else', async () => {
    const before = workload({ own: wrong })
    const { allowed, patch, warnings } = await submit(webhook(), changed(before, { replicas: 3 }), before)
    expect({ allowed, patch, warnings }).toEqual({ allowed: true, patch: [], warnings: [] })
  })

  test('of earlier cause warnings when the template changes', async () => {
    const before = workload({ own: wrong })
    const { allowed, warnings } = await submit(webhook(), changed(before, { image: 'nginx:1.28' }), before)
    expect(allowed).toBe(true)
    expect(warnings.join('\n')).toBe(messages)
  })

  test('an unknown key only causes a warning', async () => {
    const { allowed, warnings } = await submit(
      webhook(),
      workload({ own: { ...IN, ...keys({ singal: 'HUP' }) } }),
    )
    expect({ allowed, warnings }).toEqual({
      allowed: true,
      warnings: ['unknown annotation hotreload.dev/singal; did you mean hotreload.dev/signal?'],
    })
  })
})

describe('warnings', () => {
  const warningsFor = async (object: ApiObject, table: Table = {}, key: InstallKey | undefined = KEY) =>
    (await submit(webhook(table, key), object)).warnings

  test('an unknown program', async () =>
    expect(await warningsFor(workload({ own: IN, spec: ofApi }))).toEqual([
      'container api: set hotreload.dev/preset, signal or url, or hotreload.dev/reload: none (it watches its files) or restart; no way to reload its program is known',
    ]))

  test('a chart’s own checksum', async () =>
    expect(await warningsFor(workload({ own: IN, template: { 'checksum/config': 'abc' } }))).toEqual([
      `set hotreload.dev/chart-checksum: freeze, or Helm replaces the Pods whenever it changes annotation checksum/config: ${manual('helm')}`,
    ]))

  test('each of a chart’s own checksums, and the Secret that freezing them can’t help', async () => {
    const template = { 'checksum/config': 'a', 'checksum/secret': 'b' }
    const spec = podSpec({ containers: [nginx({ envFrom: [{ secretRef: { name: 'db' } }] })] })
    expect(await warningsFor(workload({ own: IN, spec, template }))).toContain(
      `Helm replaces the Pods whenever it changes annotations checksum/config, checksum/secret; hotreload.dev/chart-checksum: freeze can't prevent it, because Secret/db needs new Pods: ${manual('helm')}`,
    )
  })

  test.each([
    ['on the workload', { own: keys({ signal: 'HUP', 'reload.web': 'none' }) }],
    ['in the template', { template: keys({ signal: 'HUP', 'reload.web': 'none' }) }],
  ])('settings %s without an opt-in', async (_, parts) =>
    expect(await warningsFor(workload(parts))).toEqual([
      'add hotreload.dev/inject: "true" to this Deployment: without it hotreload.dev/signal, hotreload.dev/reload.web do nothing',
    ]),
  )

  test.each([
    ['a refusal', keys({ inject: 'false', signal: 'HUP' })],
    ['a pause, which other tools’ annotations have too', keys({ pause: 'true' })],
  ])('none about %s', async (_, own) => expect(await warningsFor(workload({ own }))).toEqual([]))

  test('no remedy where the Pods are not injected whatever their annotations say', async () =>
    expect(await warningsFor(workload({ own: IN, spec: { ...ofApi, hostPID: true } }))).toEqual([
      'Pods are not injected: spec.hostPID is true, so the Pod has no process namespace of its own to share',
    ]))

  test('none about the chart if the change rolls out in any case', async () =>
    expect(
      (await warningsFor(workload({ own: IN, spec: ofApi, template: { 'checksum/config': 'abc' } }))).join(),
    ).not.toContain('Helm'))

  test('a Secret that hotreload may not read', async () =>
    expect(
      await warningsFor(workload({ own: IN, spec: fromSecret }), { 'Secret/api-db': 'forbidden' }),
    ).toEqual([
      `${grantSecrets('shop')}, or nothing rolls out: Secret api-db is used by env but may not be read`,
    ]))

  test('a command that must be PID 1', async () => {
    const spec = podSpec({ containers: [nginx({ command: ['/init'] })] })
    expect(await warningsFor(workload({ own: { ...IN, ...keys({ preset: 'nginx' }) }, spec }))).toEqual([
      'container web: command /init must be PID 1, so processes are not shared; use hotreload.dev/url or reload: probe',
    ])
  })

  test.each<[string, Table, InstallKey | undefined]>([
    ['a ConfigMap that could not be read', { 'ConfigMap/web': 'unavailable' }, KEY],
    ['a ConfigMap that may not be read', { 'ConfigMap/web': 'forbidden' }, KEY],
  ])('%s', async (_, table, key) => {
    const { object, warnings } = await submit(webhook(table, key), workload({ own: IN, spec: ofApi }))
    expect(warnings.at(-1)).toBe(
      'ConfigMap web could not be read; its next change rolls out when the workload is applied again',
    )
    expect(checksumIn(object)).toBeUndefined()
  })

  test('a Secret before the install key exists', async () => {
    const handler = workloadHandler({
      defaults: () => builtInDefaults,
      reader: readerOf({ 'Secret/api-db': { binaryData: { a: 'eA==' } } }),
      installKey: () => undefined,
    })
    const { object, warnings } = await submit(handler, workload({ own: IN, spec: fromSecret }))
    expect(warnings).toEqual([
      'Secret api-db could not be read; its next change rolls out when the workload is applied again',
    ])
    expect(checksumIn(object)).toBeUndefined()
  })

  test('an immutable ConfigMap gets a checksum, since it can’t be updated in a running Pod', async () => {
    const table: Table = { 'ConfigMap/web': { data: { a: 'b' }, immutable: true } }
    const { object, warnings } = await submit(webhook(table), workload({ own: IN }))
    expect(warnings).toEqual([
      'change ConfigMap web under a new name: it is immutable, and a node with an old Pod keeps the old content for new ones',
    ])
    expect(checksumIn(object)).toMatch(/"ConfigMap\/web":"[0-9a-f]{16}"/)
  })

  test('a Pod that can’t be injected, and rolls out', async () => {
    const { object, warnings } = await submit(
      webhook(web('a')),
      workload({ own: IN, spec: podSpec({ hostPID: true }) }),
    )
    expect(warnings).toEqual([
      'Pods are not injected: spec.hostPID is true, so the Pod has no process namespace of its own to share',
    ])
    expect(checksumIn(object)).toContain('ConfigMap/web')
  })

  test('none for a workload without problems', async () =>
    expect(await warningsFor(workload({ own: IN }))).toEqual([]))
})

describe('skipped', () => {
  const owner = { apiVersion: 'x/v1', kind: 'App', name: 'x', uid: '1', controller: true }

  test.each<[why: string, object: ApiObject, old: boolean, reason: string]>([
    [
      'another controller’s workload',
      workload({ own: IN, metadata: { ownerReferences: [owner] } }),
      false,
      'ownedByController',
    ],
    ['a Job that exists, whose template is immutable', workload({ kind: 'Job', own: IN }), true, 'jobUpdate'],
  ])('%s', async (_, object, old, reason) =>
    expect(await submit(webhook(), object, old ? object : undefined)).toMatchObject({
      allowed: true,
      outcome: 'skipped',
      reason,
      warnings: [],
    }),
  )

  test.each([
    [
      'an Argo Rollout that refers to a Deployment',
      {
        kind: 'Rollout',
        metadata: { annotations: IN },
        spec: { workloadRef: { kind: 'Deployment', name: 'web' } },
      },
      [
        'annotate Deployment web in its place: this Rollout has no pod template, so hotreload.dev/inject does nothing',
      ],
    ],
    [
      'a Deployment without a template',
      { kind: 'Deployment', metadata: { annotations: IN }, spec: {} },
      [
        'annotate the workload with the template in its place: this Deployment has no pod template, so hotreload.dev/inject does nothing',
      ],
    ],
    ['a workload without a template that asks for nothing', { kind: 'Rollout', metadata: {}, spec: {} }, []],
  ])('%s', async (_, object, warnings) =>
    expect(await submit(webhook(), object)).toMatchObject({
      allowed: true,
      outcome: 'skipped',
      reason: 'noTemplate',
      warnings,
    }),
  )
})
