// What explain says before a change: the plan's own decision, in words, for manifests and for a live workload.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import type { V1PodSpec } from '@kubernetes/client-node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseAllDocuments, stringify } from 'yaml'
import type { Change } from '../../../src/cli/explain/change.ts'
import { explainCommand } from '../../../src/cli/explain/explain.ts'
import { type Explanation, explain, type Surroundings } from '../../../src/cli/explain/explanation.ts'
import { sourceUsersText, workloadText } from '../../../src/cli/explain/explanation-text.ts'
import { parseTargets } from '../../../src/cli/explain/target.ts'
import { injectObject } from '../../../src/cli/inject.ts'
import type { QueryOptions } from '../../../src/cli/shared/query-flags.ts'
import { grantSecrets } from '../../../src/manual.ts'
import { builtInDefaults } from '../../../src/policy/defaults.ts'
import { sourceId } from '../../../src/workload/checksum.ts'
import { type ApiObject, podTemplate } from '../../../src/workload/pod-template.ts'
import {
  AGENT_IMAGE,
  keys,
  nginx,
  pod,
  podSpec,
  type WorkloadParts,
  workload,
} from '../../support/builders.ts'

const IN = keys({ inject: 'true' })
const content = (change: object) => ({ data: {}, binaryData: {}, immutable: false, ...change })

/** @param known contents by source id */
function explained(
  object: ApiObject,
  known: Record<string, ReturnType<Surroundings['content']>> = {},
  labelled?: boolean,
): Explanation {
  return explain(object, { defaults: builtInDefaults, content: (used) => known[sourceId(used)], labelled })
}
const optedIn = (own: Record<string, string>, parts: WorkloadParts = {}) =>
  workload({ ...parts, own: { ...IN, ...keys(own) } })
const rows = ({ changes }: Explanation) =>
  changes.map(({ source, use, outcome, how }) => [source, use, outcome, how].join(' | '))

const api = (change: Partial<V1PodSpec['containers'][0]>): V1PodSpec =>
  podSpec({ containers: [{ name: 'api', image: 'shop/api:1', ...change }] })
const conf = [{ name: 'conf', mountPath: '/etc/api' }]
const env = [{ name: 'COLOR', valueFrom: { configMapKeyRef: { name: 'colors', key: 'main' } } }]
const subPath = [{ name: 'conf', mountPath: '/etc/nginx/nginx.conf', subPath: 'nginx.conf' }]
const noWay =
  'set hotreload.dev/preset, signal or url, or hotreload.dev/reload: none (it watches its files) or restart; no way to reload its program is known'

describe('each use of a ConfigMap or Secret', () => {
  test.each<[string, Record<string, string>, V1PodSpec, string[]]>([
    [
      'a known program',
      {},
      podSpec(),
      ['ConfigMap/web | volume /etc/nginx/conf.d | reloaded | SIGHUP to nginx or openresty (preset nginx)'],
    ],
    [
      'a subPath that is made to update',
      {},
      podSpec({ containers: [nginx({ volumeMounts: subPath })] }),
      [
        'ConfigMap/web | subPath /etc/nginx/nginx.conf | reloaded | symlink keeps its subPath current, then SIGHUP to nginx or openresty (preset nginx)',
      ],
    ],
    [
      'a subPath that is left',
      { subpath: 'keep' },
      podSpec({ containers: [nginx({ volumeMounts: subPath })] }),
      [
        'ConfigMap/web | subPath /etc/nginx/nginx.conf | rolled out | its subPath is not updated: hotreload.dev/subpath says keep',
      ],
    ],
    [
      'an unknown program',
      {},
      api({ volumeMounts: conf }),
      [`ConfigMap/web | volume /etc/api | rolled out | ${noWay}`],
    ],
    [
      'a URL, after validation',
      { url: 'http://127.0.0.1:8080/reload?token=x', validate: 'api check' },
      api({ volumeMounts: conf }),
      [
        'ConfigMap/web | volume /etc/api | reloaded | api check must pass, then POST http://127.0.0.1:8080/reload (hotreload.dev/url)',
      ],
    ],
    [
      'a gate with a trial',
      {
        gate: 'publish',
        validate: 'api check',
        signal: 'HUP',
        bake: '60s',
        health: 'http://127.0.0.1:80/ok',
      },
      api({ volumeMounts: conf }),
      [
        'ConfigMap/web | volume /etc/api | reloaded | api check must pass, then the gate shows it to the program, then SIGHUP to the main process (hotreload.dev/signal); on trial for 60 s, asked at GET /ok on port 80',
      ],
    ],
    [
      'a volume of two containers with a gate, of which the first one judges it and has the trial',
      {
        gate: 'publish',
        'validate.api': 'api check',
        'validate.cache': 'cache check',
        'signal.api': 'HUP',
        'signal.cache': 'USR1',
        'bake.api': '60s',
        'bake.cache': '30s',
        'health.api': 'http://127.0.0.1:80/ok',
      },
      podSpec({
        containers: ['api', 'cache'].map((name) => ({ name, image: `shop/${name}:1`, volumeMounts: conf })),
      }),
      [
        'ConfigMap/web | volume /etc/api | reloaded | api check must pass, then the gate shows it to the program, then SIGHUP to the main process (hotreload.dev/signal); on trial for 60 s, asked at GET /ok on port 80',
        'ConfigMap/web | volume /etc/api | reloaded | api check must pass in container api, then the gate shows it to the program, then cache check must pass, then SIGUSR1 to the main process (hotreload.dev/signal); on trial for 60 s, asked at GET /ok on port 80 in container api',
      ],
    ],
    [
      'a restart, in turns',
      { reload: 'restart' },
      api({ volumeMounts: conf }),
      [
        'ConfigMap/web | volume /etc/api | restarted | SIGTERM, and the kubelet starts the container again (hotreload.dev/reload); the Pods take turns over 60 s (hotreload.dev/stagger changes that)',
      ],
    ],
    [
      'a program that watches by itself',
      { reload: 'none' },
      api({ volumeMounts: conf }),
      ['ConfigMap/web | volume /etc/api | reloaded | the program watches its files (hotreload.dev/reload)'],
    ],
    [
      'what the user lets roll out',
      { reload: 'rollout' },
      api({ volumeMounts: conf }),
      ['ConfigMap/web | volume /etc/api | rolled out | hotreload.dev/reload says so'],
    ],
    [
      'variables',
      {},
      api({ env }),
      [
        'ConfigMap/colors | env main | rolled out | variables are fixed when a process starts; hotreload.dev/env: restart restarts the container in place',
      ],
    ],
    [
      'variables, restarted',
      { env: 'restart' },
      api({ env }),
      [
        'ConfigMap/colors | env main | restarted | SIGTERM, and the kubelet starts the container again; the same Pod (hotreload.dev/env); the Pods take turns over 60 s (hotreload.dev/stagger changes that)',
      ],
    ],
    [
      'variables that can not be restarted, of an unknown program',
      { env: 'restart' },
      { ...api({ env, volumeMounts: conf }), shareProcessNamespace: false },
      [
        `ConfigMap/web | volume /etc/api | rolled out | ${noWay}`,
        'ConfigMap/colors | env main | rolled out | take shareProcessNamespace: false away; without shared processes no signal reaches it',
      ],
    ],
    [
      'variables, ignored',
      { env: 'ignore' },
      api({ env }),
      ['ConfigMap/colors | env main | nothing | hotreload.dev/env says ignore'],
    ],
    [
      'an init container',
      {},
      podSpec({ initContainers: [{ name: 'init', volumeMounts: conf }], containers: [nginx()] }),
      [
        'ConfigMap/web | init: volume /etc/api | rolled out | init containers run when a Pod starts',
        'ConfigMap/web | volume /etc/nginx/conf.d | rolled out | because of init container init, which needs new Pods for it',
      ],
    ],
    [
      'another injector’s container',
      {},
      podSpec({ containers: [nginx(), { name: 'istio-proxy', volumeMounts: conf }] }),
      [
        'ConfigMap/web | volume /etc/nginx/conf.d | reloaded | SIGHUP to nginx or openresty (preset nginx)',
        'ConfigMap/web | volume /etc/api | left alone | another injector usually adds containers named istio-proxy, so hotreload leaves them alone; hotreload.dev/container: istio-proxy includes it',
      ],
    ],
    [
      'an unknown container with the same ConfigMap',
      {},
      podSpec({ containers: [nginx(), { name: 'reload', image: 'shop/reload', volumeMounts: conf }] }),
      [
        'ConfigMap/web | volume /etc/nginx/conf.d | rolled out | because of container reload, which needs new Pods for it',
        `ConfigMap/web | volume /etc/api | rolled out | ${noWay}`,
      ],
    ],
    [
      'a reload sidecar',
      {},
      podSpec({
        containers: [
          nginx(),
          { name: 'reload', image: 'ghcr.io/jimmidyson/configmap-reload:v0.14.0', volumeMounts: conf },
        ],
      }),
      [
        'ConfigMap/web | volume /etc/nginx/conf.d | reloaded | SIGHUP to nginx or openresty (preset nginx)',
        'ConfigMap/web | volume /etc/api | reloaded | the program watches its files (preset configmap-reload); it is superfluous, because hotreload reloads web',
      ],
    ],
    [
      'a reload sidecar that has more to do',
      {},
      podSpec({
        containers: [
          nginx(),
          {
            name: 'reload',
            image: 'quay.io/prometheus-operator/prometheus-config-reloader',
            volumeMounts: [...conf, { name: 'template', mountPath: '/template' }],
          },
        ],
        volumes: ['conf', 'template'].map((name) => ({ name, configMap: { name } })),
      }),
      [
        'ConfigMap/conf | volume /etc/nginx/conf.d | reloaded | SIGHUP to nginx or openresty (preset nginx)',
        ...['conf | volume /etc/api', 'template | volume /template'].map(
          (use) =>
            `ConfigMap/${use} | reloaded | the program watches its files (preset prometheus-config-reloader)`,
        ),
      ],
    ],
    [
      'paths of a preset',
      {},
      podSpec({
        containers: [
          {
            name: 'db',
            image: 'bitnami/postgresql:16',
            volumeMounts: ['/bitnami/postgresql/conf', '/docker-entrypoint-initdb.d'].map(
              (mountPath, index) => ({
                name: `v${index}`,
                mountPath,
              }),
            ),
          },
        ],
        volumes: ['v0', 'v1'].map((name) => ({ name, configMap: { name } })),
      }),
      [
        'ConfigMap/v0 | volume /bitnami/postgresql/conf | rolled out | the entry point copies it when the container starts',
        'ConfigMap/v1 | volume /docker-entrypoint-initdb.d | nothing | it runs in an empty database only',
      ],
    ],
    [
      'a path that a program watches',
      {},
      podSpec({
        containers: [
          {
            name: 'loki',
            image: 'grafana/loki',
            volumeMounts: [{ name: 'conf', mountPath: '/etc/loki/runtime-config' }],
          },
        ],
      }),
      [
        'ConfigMap/web | volume /etc/loki/runtime-config | reloaded | the program watches its files: it reads its runtime configuration each 10 s (preset loki)',
      ],
    ],
    ...(['none', 'rollout', 'ignore'] as const).map(
      (way): [string, Record<string, string>, V1PodSpec, string[]] => [
        `volume-reload: ${way}`,
        { 'volume-reload': `conf=${way}` },
        podSpec(),
        [
          `ConfigMap/web | volume /etc/nginx/conf.d | ${
            {
              none: 'reloaded | the program watches its files (hotreload.dev/volume-reload)',
              rollout: 'rolled out | hotreload.dev/volume-reload says so',
              ignore: 'nothing | hotreload.dev/volume-reload says so',
            }[way]
          }`,
        ],
      ],
    ),
    [
      'a container that the annotation leaves out',
      { container: 'web' },
      podSpec({ containers: [nginx(), { name: 'api', image: 'shop/api', env, volumeMounts: conf }] }),
      [
        'ConfigMap/web | volume /etc/nginx/conf.d | reloaded | SIGHUP to nginx or openresty (preset nginx)',
        'ConfigMap/web | volume /etc/api | left alone | hotreload.dev/container names other containers',
        'ConfigMap/colors | env main | nothing | hotreload.dev/container names other containers',
      ],
    ],
    [
      'a native sidecar',
      {},
      podSpec({
        initContainers: [{ name: 'log', image: 'log', restartPolicy: 'Always', volumeMounts: conf }],
        containers: [],
      }),
      ['ConfigMap/web | init: volume /etc/api | rolled out | native sidecars are not served'],
    ],
    [
      'a source that a projected volume names twice',
      {},
      podSpec({
        volumes: [
          {
            name: 'conf',
            projected: {
              sources: ['a', 'a'].map((key) => ({ configMap: { name: 'web', items: [{ key, path: key }] } })),
            },
          },
        ],
      }),
      ['ConfigMap/web | volume /etc/nginx/conf.d | reloaded | SIGHUP to nginx or openresty (preset nginx)'],
    ],
    [
      'hostPID',
      {},
      podSpec({ hostPID: true }),
      [
        'ConfigMap/web | volume /etc/nginx/conf.d | rolled out | Pods are not injected: spec.hostPID is true, so the Pod has no process namespace of its own to share',
      ],
    ],
    [
      'processes that can’t be shared',
      {},
      podSpec({ shareProcessNamespace: false }),
      [
        'ConfigMap/web | volume /etc/nginx/conf.d | rolled out | take shareProcessNamespace: false away, or use hotreload.dev/url or reload: probe; without shared processes no signal reaches it',
      ],
    ],
  ])('%s', async (_, own, spec, expected) =>
    expect(rows(explained(optedIn(own, { spec })))).toEqual(expected),
  )

  test.each([
    ['CronJob', 'next run', 'a run reads what is there when it starts'],
    ['ReplicaSet', 'nothing', 'nobody replaces the Pods of a ReplicaSet'],
  ])('variables of a %s: %s', async (kind, outcome, why) => {
    const { changes } = explained(workload({ kind, template: IN, spec: api({ env }) }))
    expect(changes).toMatchObject([{ outcome, how: expect.stringContaining(why) }])
  })

  test('nothing replaces a bare Pod, and it keeps its mounts', async () => {
    const { ownerReferences: _, ...metadata } = pod().metadata ?? {}
    const bare = { ...pod(podSpec({ containers: [nginx({ volumeMounts: subPath })] })), metadata }
    const { changes } = explained(bare)
    expect(changes).toMatchObject([
      { outcome: 'nothing', how: expect.stringContaining('nobody replaces a bare Pod') },
    ])
  })
})

describe('facts from the cluster', () => {
  test('an immutable ConfigMap reaches new Pods only', async () => {
    const { changes, warnings } = explained(optedIn({}), {
      'ConfigMap/web': content({ immutable: true }),
    })
    expect(changes).toMatchObject([
      { outcome: 'rolled out', how: expect.stringContaining('it is immutable') },
    ])
    expect(warnings).toEqual([
      expect.stringContaining('change ConfigMap web under a new name: it is immutable'),
    ])
  })

  test('a Secret that hotreload may not read causes no rollout', async () => {
    const spec = api({ envFrom: [{ secretRef: { name: 'db' } }] })
    const { changes, warnings } = explained(optedIn({}, { spec }), { 'Secret/db': 'forbidden' })
    expect(changes).toMatchObject([{ outcome: 'nothing', how: 'hotreload may not read it' }])
    expect(warnings).toEqual([
      `${grantSecrets('shop')}, or nothing rolls out: Secret db is used by env but may not be read`,
    ])
  })

  test('a required ConfigMap that does not exist', async () =>
    expect(explained(optedIn({}), { 'ConfigMap/web': 'absent' }).warnings).toEqual([
      'ConfigMap web is not there, and Pods wait for it',
    ]))

  test('a namespace without the label is a problem of opted-in workloads only', async () => {
    const said =
      'kubectl label namespace shop hotreload.dev/injection=enabled: without it hotreload.dev/inject does nothing on this Deployment'
    expect(explained(optedIn({}), {}, false).problems).toEqual([said])
    expect(explained(optedIn({}), {}, true).problems).toEqual([])
    expect(explained(workload(), {}, false).problems).toEqual([])
  })
})

test('a container that the policy file leaves out says so, and an init container can’t be included', () => {
  const defaults = {
    ...builtInDefaults,
    excludedContainers: new Set(['helper', 'istio-init', 'istio-proxy']),
  }
  const own = { name: 'conf', mountPath: '/conf' }
  const spec = podSpec({
    initContainers: [
      { name: 'istio-init', image: 'init', volumeMounts: [own] },
      { name: 'istio-proxy', image: 'proxy', restartPolicy: 'Always', volumeMounts: [own] },
    ],
    containers: [{ name: 'helper', image: 'helper', volumeMounts: [own] }],
  })
  const surroundings = { defaults, content: () => undefined, labelled: undefined }
  expect(rows(explain(optedIn({}, { spec }), surroundings))).toEqual([
    'ConfigMap/web | init: volume /conf | nothing | another injector usually adds containers named istio-init, so hotreload leaves them alone',
    'ConfigMap/web | init: volume /conf | left alone | another injector usually adds containers named istio-proxy, so hotreload leaves them alone',
    'ConfigMap/web | volume /conf | left alone | the policy file leaves containers named helper alone; hotreload.dev/container: helper includes it',
  ])
})

describe('what blocks a change, or adds one', () => {
  test('pause in the policy file, unless the workload says otherwise', async () => {
    const defaults = { ...builtInDefaults, annotations: keys({ pause: 'true' }) }
    const saidOf = async (own: Record<string, string>) =>
      explain(optedIn(own), { defaults, content: () => undefined, labelled: undefined }).warnings.join()
    expect(await saidOf({})).toContain('hotreload.dev/pause is "true" in the policy file')
    expect(await saidOf({ pause: 'false' })).not.toContain('pause')
  })

  test.each<[string, ApiObject, string]>([
    ['pause', optedIn({ pause: 'true' }), 'hotreload.dev/pause is "true"'],
    ['spec.paused', optedIn({}, { fields: { paused: true } }), 'spec.paused is true'],
    [
      'OnDelete',
      optedIn(
        {},
        { kind: 'StatefulSet', spec: api({ env }), fields: { updateStrategy: { type: 'OnDelete' } } },
      ),
      'updateStrategy is OnDelete: Pods are replaced only when you delete them',
    ],
    [
      'a CloneSet that is updated in place',
      optedIn({}, { kind: 'CloneSet', fields: { updateStrategy: { type: 'InPlaceIfPossible' } } }),
      'the update policy is InPlaceIfPossible: a rollout changes an annotation, so Kruise keeps the Pods',
    ],
    [
      'a paused CloneSet',
      optedIn({}, { kind: 'CloneSet', fields: { updateStrategy: { paused: true } } }),
      'spec.updateStrategy.paused is true',
    ],
    ['a chart’s checksum', optedIn({}, { template: { 'checksum/config': 'ab' } }), 'docs/helm.md'],
    [
      'Reloader’s annotations',
      workload({ own: { 'configmap.reloader.stakater.com/reload': 'web,other' } }),
      'annotations of Stakater Reloader, which hotreload follows: a change of ConfigMap/web, ConfigMap/other rolls out',
    ],
    [
      'a pattern of Reloader’s',
      workload({ own: { 'configmap.reloader.stakater.com/reload': 'web-.*' } }),
      'annotations of Stakater Reloader, which hotreload follows: a change of any ConfigMap named web-.* rolls out',
    ],
    [
      'Wave’s',
      workload({ own: { 'wave.pusher.com/update-on-config-change': 'true' } }),
      'annotations of Wave, which hotreload follows: a change of ConfigMap/web rolls out',
    ],
  ])('%s', async (_, object, sentence) =>
    expect(explained(object).warnings).toContainEqual(expect.stringContaining(sentence)),
  )
})

describe('isOptedIn', () => {
  test.each<[string, ApiObject, boolean]>([
    ['who says nothing is not', workload(), false],
    ['who says no is not', workload({ own: keys({ inject: 'false' }) }), false],
    ['nor whose template says no', workload({ template: keys({ inject: 'false' }) }), false],
    ['the workload’s own word', workload({ own: IN }), true],
    ['the template’s', workload({ template: IN }), true],
    ['what was mirrored', workload({ own: IN, template: { ...IN, ...keys({ mirrored: 'inject' }) } }), true],
    [
      'a mirror of what is gone is not',
      workload({ template: { ...IN, ...keys({ mirrored: 'inject' }) } }),
      false,
    ],
  ])('%s', async (_, object, expected) => {
    const { optedIn: is, changes } = explained(object)
    expect(is).toBe(expected)
    // With inject: "true" it would be the same.
    expect(changes).toMatchObject([{ outcome: 'reloaded' }])
  })

  test('an inject that is neither true nor false is a mistake', async () =>
    expect(explained(workload({ own: keys({ inject: 'yes' }) })).problems).toEqual([
      expect.stringContaining('HR_BAD_VALUE'),
    ]))

  test('all mistakes are listed at once, and no changes', async () => {
    const { problems, changes } = explained(optedIn({ signal: 'HUPP', container: 'nobody' }))
    expect(problems.join('\n')).toMatch(/HR_BAD_SIGNAL[\s\S]*HR_UNKNOWN_NAME/)
    expect(changes).toEqual([])
  })
})

const golden = join(import.meta.dirname, '../../golden')
const manifests = readdirSync(golden).filter((file) => file.endsWith('.yaml') && !file.includes('.expected.'))

describe('one decision: what is explained is what is injected', () => {
  test.each(manifests)('%s', async (file) => {
    const objects = parseAllDocuments(readFileSync(join(golden, file), 'utf8'))
      .map((document): ApiObject => document.toJS())
      // Of a bare Pod `inject` rewrites the mounts, which the webhook may not (decide.ts).
      .filter((object) => object && object.kind !== 'Pod' && podTemplate(object))
    for (const object of objects) {
      const { notInjected, optedIn: asks, problems, changes } = explained(object)
      const { object: injected } = injectObject(object, {
        agentImage: AGENT_IMAGE,
        version: '0',
        defaults: builtInDefaults,
        injectAll: false,
      })
      const spec = podTemplate(injected)?.spec
      const hasAgent = spec !== podTemplate(object)?.spec
      expect(asks && notInjected === undefined && problems.length === 0).toBe(hasAgent)
      if (!hasAgent) continue
      const status = JSON.parse(podTemplate(injected)?.metadata?.annotations?.['hotreload.dev/status'] ?? '')
      const inPlace = changes.filter(({ outcome }) => outcome === 'reloaded' || outcome === 'restarted')
      const served = Object.entries<{ reload: string; env?: string[] }>(status.containers)
        .filter(([, one]) => one.reload !== 'rollout' || one.env)
        .map(([name]) => name)
      // Volumes without a ConfigMap or Secret (CSI, Vault's emptyDir) reload without being anybody's reference.
      for (const { container } of inPlace) expect(served).toContain(container)
    }
  })
})

test('OnDelete is no news where nothing rolls out', () =>
  expect(
    explained(optedIn({}, { kind: 'StatefulSet', fields: { updateStrategy: { type: 'OnDelete' } } }))
      .warnings,
  ).toEqual([]))

describe('what is only true for some', () => {
  const secretEnv = { ...api({ envFrom: [{ secretRef: { name: 'db' } }] }) }
  const fixed = 'variables are fixed when a process starts'

  test.each<[string, ApiObject, string]>([
    [
      'a Job restarts no container',
      optedIn({}, { kind: 'Job', spec: { ...api({ env }), restartPolicy: 'Never' } }),
      `next run | ${fixed}; a run reads what is there when it starts`,
    ],
    [
      'neither does a Pod with hostPID',
      optedIn({}, { spec: { ...api({ env }), hostPID: true } }),
      `rolled out | ${fixed}`,
    ],
    [
      'nor one that does not share its processes',
      optedIn({}, { spec: { ...api({ env }), shareProcessNamespace: false } }),
      `rolled out | ${fixed}`,
    ],
    [
      'an init container',
      optedIn({}, { spec: podSpec({ containers: [], initContainers: [{ name: 'i', env }] }) }),
      'rolled out | init containers run when a Pod starts',
    ],
    [
      'a native sidecar',
      optedIn(
        {},
        { spec: podSpec({ containers: [], initContainers: [{ name: 'i', env, restartPolicy: 'Always' }] }) },
      ),
      'rolled out | native sidecars are not served',
    ],
    [
      'a preset that rolls out gives its reason',
      optedIn({}, { spec: api({ image: 'redis:8', volumeMounts: conf }) }),
      'rolled out | never re-reads its file',
    ],
  ])('%s', (_, object, expected) =>
    expect(explained(object).changes.map(({ outcome, how }) => `${outcome} | ${how}`)).toEqual([
      expect.stringContaining(expected),
    ]),
  )

  test('an unknown program of a bare Pod hears nothing of rollouts', () => {
    const bare = { ...pod(api({ volumeMounts: conf })), metadata: { name: 'api', annotations: IN } }
    const { changes, warnings } = explained(bare)
    expect(changes).toMatchObject([
      { outcome: 'nothing', how: expect.stringMatching(/; nobody replaces a bare Pod$/) },
    ])
    expect([...changes.map(({ how }) => how), ...warnings].join()).not.toMatch(/rolls? out/)
  })

  test('in a namespace without the label a change does nothing, and the problem is the command', () => {
    const { changes, problems } = explained(optedIn({}), {}, false)
    expect(changes).toMatchObject([
      { outcome: 'nothing', how: 'namespace shop has no label hotreload.dev/injection=enabled' },
    ])
    expect(problems).toEqual([expect.stringMatching(/^kubectl label namespace shop /)])
  })

  test('in kube-system no label helps', () => {
    const object = optedIn({})
    const { problems } = explained(
      { ...object, metadata: { ...object.metadata, namespace: 'kube-system' } },
      {},
      false,
    )
    expect(problems).toEqual(['hotreload never acts in namespace kube-system'])
  })

  test('in a namespace that hotreload does not watch a change does nothing, whatever label and annotations say', () => {
    const why = 'hotreload does not watch namespace shop: watchNamespaces of its chart names others'
    const around = { defaults: builtInDefaults, content: () => undefined, labelled: true, isWatched: false }
    const reloader = { 'reloader.stakater.com/auto': 'true' }
    const { changes, problems, warnings } = explain(workload({ own: { ...IN, ...reloader } }), around)
    expect(changes).toMatchObject([{ outcome: 'nothing', how: why }])
    expect(problems).toEqual([why])
    expect(warnings).toEqual([])
  })

  const withPods = (running: number, withoutAgent: number, object = optedIn({})) =>
    explain(object, {
      defaults: builtInDefaults,
      content: () => undefined,
      labelled: true,
      isLive: true,
      pods: { running, withoutAgent },
    })

  test('where no running Pod has an agent, a change does nothing until they are new', () => {
    const { changes, warnings } = withPods(1, 1)
    expect(changes).toMatchObject([{ outcome: 'nothing', how: '1 running Pod has no agent' }])
    expect(warnings).toEqual(['kubectl rollout restart -n shop deployment/web: 1 running Pod has no agent'])
  })

  test('where some have one, they are counted', () => {
    const { changes, warnings } = withPods(3, 1)
    expect(changes).toMatchObject([{ outcome: 'reloaded' }])
    expect(warnings).toEqual([
      'kubectl rollout restart -n shop deployment/web: 1 of 3 running Pods have no agent',
    ])
  })

  test('what needs no agent asks for none', () =>
    expect(withPods(2, 2, optedIn({}, { spec: api({ env }) }))).toMatchObject({
      changes: [{ outcome: 'rolled out' }],
      warnings: [],
    }))

  test('of manifests, nobody knows whether hotreload may read a Secret', () =>
    expect(explained(optedIn({}, { spec: secretEnv })).warnings).toEqual([
      `${grantSecrets('shop')}, unless hotreload may read Secrets already: else a change of Secret/db rolls nothing out`,
    ]))

  test('a Secret that it may not read rolls nothing out, by no annotation', () => {
    const reloader = { 'reloader.stakater.com/auto': 'true' }
    const object = workload({ own: { ...IN, ...reloader }, spec: secretEnv })
    const around = {
      defaults: builtInDefaults,
      content: () => 'forbidden' as const,
      labelled: true,
      isLive: true,
    }
    const { changes, warnings } = explain(object, around)
    expect(changes).toMatchObject([{ outcome: 'nothing', how: 'hotreload may not read it' }])
    expect(warnings).toEqual([
      `${grantSecrets('shop')}, or nothing rolls out: Secret db is used by env but may not be read`,
    ])
  })

  test('says how a command reloads in its row, and what speaks against it in a warning', () => {
    const explanation = explained(optedIn({ command: 'nginx -s reload' }))
    expect(explanation.changes.map(({ how }) => how)).toEqual([
      'the agent runs nginx -s reload (hotreload.dev/command)',
    ])
    expect(workloadText(explanation, undefined)).toContain(
      '\nwarning: container web: set hotreload.dev/preset: nginx instead of hotreload.dev/command: nginx -s runs',
    )
  })

  test('annotations without an opt-in are named', () =>
    expect(explained(workload({ own: keys({ signal: 'HUP' }) })).warnings).toEqual([
      'add hotreload.dev/inject: "true" to this Deployment: without it hotreload.dev/signal does nothing',
    ]))
})

describe('the text', () => {
  test('says in the heading that no agent is needed, so that a proposal comes last', () =>
    expect(workloadText(explained(optedIn({}, { spec: api({ volumeMounts: conf }) })), undefined)).toMatch(
      /^Deployment web in namespace shop: opted in, no agent is added\nA CHANGE OF .*\nConfigMap\/web .* set hotreload\.dev\/preset, .*\n$/,
    ))

  const variables = ['A', 'B'].map((name) => ({
    name,
    valueFrom: { configMapKeyRef: { name: 'colors', key: name } },
  }))
  const answer = explained(optedIn({}, { spec: podSpec({ containers: [nginx({ env: variables })] }) }))

  test('has one row for uses that end in the same way', () =>
    expect(workloadText(answer, undefined)).toMatch(/\nConfigMap\/colors +web +env A, B +rolled out/))

  test.each([40, 60, 80, 100, 120, 160])('fits %d columns', (columns) => {
    const lines = workloadText(answer, columns).split('\n')
    expect(lines.filter((line) => line.length > columns && !/^(Deployment|warning)/.test(line))).toEqual([])
    for (const { how } of answer.changes)
      expect(lines.map((line) => line.trim()).join(' ')).toContain(how.split(' ').slice(0, 2).join(' '))
  })

  test('is made of records in a narrow terminal', () =>
    expect(workloadText(answer, 60)).toContain(
      [
        'A CHANGE OF   ConfigMap/web',
        'CONTAINER     web',
        'USED AS       volume /etc/nginx/conf.d',
        'IS            reloaded',
        'HOW, OR WHY   SIGHUP to nginx or openresty (preset nginx)',
        '',
      ].join('\n'),
    ))
})

test('below the users of a ConfigMap stands what their rows do not say', () => {
  const object = workload({
    kind: 'StatefulSet',
    own: IN,
    spec: api({ env }),
    fields: { updateStrategy: { type: 'OnDelete' } },
  })
  const users = { source: { kind: 'ConfigMap', name: 'colors' } as const, namespace: 'shop', isAbsent: false }
  const keeps = 'updateStrategy is OnDelete: Pods are replaced only when you delete them'
  const opted = explained(object)
  expect(sourceUsersText({ ...users, explanations: [opted] }, undefined)).toMatch(
    new RegExp(`rolled out .*\nwarning: StatefulSet web: ${keeps}\n$`),
  )
  expect(
    sourceUsersText({ ...users, explanations: [{ ...opted, optedIn: false }] }, undefined),
  ).not.toContain(keeps)
})

test('the users of a ConfigMap come in one table', () => {
  const change = (outcome: Change['outcome']): Change => ({
    source: 'ConfigMap/site',
    container: 'web',
    use: 'volume /etc/site',
    outcome,
    how: 'because',
  })
  const of = (name: string, outcome: Change['outcome']) => ({
    ...explained(optedIn({})),
    object: { kind: 'Deployment', name },
    changes: [change(outcome)],
  })
  const users = { source: { kind: 'ConfigMap', name: 'site' } as const, namespace: 'shop', isAbsent: false }
  expect(
    sourceUsersText({ ...users, explanations: [of('web', 'reloaded'), of('api', 'nothing')] }, undefined),
  ).toBe(
    [
      'ConfigMap site in namespace shop: 2 workloads use it',
      'USED BY          CONTAINER   USED AS            A CHANGE IS   HOW, OR WHY',
      'Deployment/web   web         volume /etc/site   reloaded      because',
      'Deployment/api   web         volume /etc/site   nothing       because',
      '',
    ].join('\n'),
  )
  expect(sourceUsersText({ ...users, isAbsent: true, explanations: [] }, undefined)).toBe(
    'ConfigMap site in namespace shop does not exist: no workload uses it\n',
  )
})

test('a kind and names are as good as KIND/NAME', () =>
  expect(parseTargets(['deploy', 'web', 'api'])).toEqual(parseTargets(['deployment/web', 'deployment/api'])))

describe('KIND/NAME', () => {
  test.each([
    ['deployment/web', 'Deployment'],
    ['Deployment/web', 'Deployment'],
    ['deploy/web', 'Deployment'],
    ['deployments.apps/web', 'Deployment'],
    ['sts/web', 'StatefulSet'],
    ['cronjobs/web', 'CronJob'],
    ['rollout/web', 'Rollout'],
    ['po/web', 'Pod'],
    ['clonesets.apps.kruise.io/web', 'CloneSet'],
    ['cm/web', 'ConfigMap'],
    ['secrets/web', 'Secret'],
  ])('%s', (given, kind) =>
    expect(parseTargets([given])).toEqual([{ apiVersion: expect.any(String), kind, name: 'web' }]),
  )

  test.each([
    ['statefulset/web', 'apps/v1'],
    ['statefulsets.apps/web', 'apps/v1'],
    ['statefulsets.v1.apps/web', 'apps/v1'],
    ['statefulsets.apps.kruise.io/web', 'apps.kruise.io/v1beta1'],
    ['statefulset.v1beta1.apps.kruise.io/web', 'apps.kruise.io/v1beta1'],
    ['asts/web', 'apps.kruise.io/v1beta1'],
  ])('%s is of %s', (given, apiVersion) =>
    expect(parseTargets([given])).toEqual([{ apiVersion, kind: 'StatefulSet', name: 'web' }]),
  )

  test.each([
    'web',
    'service/web',
    'deployments.example.com/web',
    'deployment/',
    'deployment/a/b',
    'deployment/../x',
    '',
  ])('%j is none', (given) => expect(() => parseTargets([given])).toThrow(/is not KIND\/NAME.*HR_BAD_FLAG/))
})

describe('the command', () => {
  let directory = ''
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'hotreload-explain-'))
    writeFileSync(join(directory, 'web.yaml'), stringify(optedIn({})))
    writeFileSync(join(directory, 'wrong.yaml'), stringify(optedIn({ signal: 'HUPP' })))
    const frozen = { kind: 'ConfigMap', metadata: { name: 'web' }, data: {}, immutable: true }
    writeFileSync(join(directory, 'frozen.yaml'), `${stringify(frozen)}---\n${stringify(optedIn({}))}`)
    writeFileSync(join(directory, 'service.yaml'), 'kind: Service\n')
    writeFileSync(
      join(directory, 'rollout.yaml'),
      'apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {name: api, annotations: {hotreload.dev/inject: "true"}}\nspec: {workloadRef: {kind: Deployment, name: api}}\n',
    )
    const deployment = (name: string, spec: string) =>
      `apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: ${name}, annotations: }\nspec:\n  template:\n    metadata:\n    spec: ${spec}\n`
    writeFileSync(
      join(directory, 'odd.yaml'),
      `${deployment('nulls', '{containers: [null, {name: a, image: nginx, volumeMounts: , env: [null]}], volumes: }')}---\nkind: "open\n---\n${deployment('broken', '{containers: {}}')}---\n${deployment('unquoted', '{containers: [{name: 5, envFrom: [{configMapRef: {name: a}}]}]}')}`,
    )
    writeFileSync(join(directory, 'mistyped.yaml'), stringify(optedIn({})).replace('"true"', 'true'))
  })
  afterAll(() => rmSync(directory, { recursive: true }))

  async function run(file: string, options: Partial<QueryOptions> = {}) {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()]
    const io = { stdin: Readable.from(['']), stdout, stderr, env: {} }
    const question = { files: [join(directory, file)], targets: [], defaults: builtInDefaults }
    const code = await explainCommand(question, { output: 'table', ...options }, io)
    stdout.end()
    stderr.end()
    return { code, out: await text(stdout), err: await text(stderr) }
  }

  test('a table for people', async () =>
    expect(await run('web.yaml')).toEqual({
      code: 0,
      err: '',
      out: [
        'Deployment web in namespace shop: opted in',
        'A CHANGE OF     CONTAINER   USED AS                    IS         HOW, OR WHY',
        'ConfigMap/web   web         volume /etc/nginx/conf.d   reloaded   SIGHUP to nginx or openresty (preset nginx)',
        '',
      ].join('\n'),
    }))

  test('the example of docs/cli.md', async () => {
    const password = { name: 'P', valueFrom: { secretKeyRef: { name: 'db', key: 'password' } } }
    const container = nginx({ volumeMounts: subPath, env: [password] })
    writeFileSync(
      join(directory, 'docs.yaml'),
      stringify(optedIn({}, { spec: podSpec({ containers: [container] }) })),
    )
    const page = readFileSync(join(import.meta.dirname, '../../../docs/cli.md'), 'utf8')
    expect(page).toContain(`$ hotreload explain -f web.yaml\n${(await run('docs.yaml')).out}\`\`\``)
  })

  test('JSON for programs', async () => {
    const { code, out } = await run('web.yaml', { output: 'json' })
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({
      apiVersion: 'cli.hotreload.dev/v1',
      kind: 'ExplanationList',
      items: [{ object: { kind: 'Deployment', name: 'web' }, optedIn: true }],
    })
  })

  test('mistakes: exit code 1', async () => {
    const { code, out } = await run('wrong.yaml')
    expect(code).toBe(1)
    expect(out).toMatch(/^Deployment web in namespace shop: mistakes\nproblem: .*HR_BAD_SIGNAL\]\n$/)
  })

  test('a value that YAML does not read as text', async () => {
    const { code, out } = await run('mistyped.yaml')
    expect(code).toBe(1)
    expect(out).toContain('hotreload.dev/inject: true is not text; quote it: "true" [HR_BAD_VALUE]')
  })

  test('ConfigMaps in the same file are used', async () =>
    expect((await run('frozen.yaml')).out).toContain('rolled out   it is immutable'))

  test('null fields count as absent, and a mistake in one document leaves the answers about the others', async () => {
    const { code, out, err } = await run('odd.yaml')
    expect(code).toBe(1)
    expect(out).toBe(
      [
        'Deployment nulls: not opted in; with hotreload.dev/inject: "true" this would happen',
        'It uses no ConfigMap and no Secret.',
        '',
        'Deployment broken: mistakes',
        'problem: Deployment broken: a field has another type than in the API; kubectl apply --dry-run=server names it [HR_BAD_MANIFEST]',
        '',
        'Deployment unquoted: mistakes',
        'problem: Deployment unquoted: a field has another type than in the API; kubectl apply --dry-run=server names it [HR_BAD_MANIFEST]',
        '',
      ].join('\n'),
    )
    expect(err).toMatch(/^hotreload: .*odd\.yaml:\d+: .*\[HR_BAD_YAML\]\n$/)
  })

  test('no name of a file with a mistake moves the cursor', async () => {
    writeFileSync(join(directory, 'a\u001b[2Jb.yaml'), 'kind: "open\n')
    expect((await run('a\u001b[2Jb.yaml')).err).toMatch(/ab\.yaml:\d+: .*\[HR_BAD_YAML\]\n$/)
  })

  test('an opt-in without a pod template is a problem that names the right object', async () => {
    const { code, out } = await run('rollout.yaml')
    expect(code).toBe(1)
    expect(out).toBe(
      'Rollout api: mistakes\nproblem: annotate Deployment api in its place: this Rollout has no pod template, so hotreload.dev/inject does nothing\n',
    )
  })

  test('a file without workloads is named', async () =>
    expect(run('service.yaml')).rejects.toThrow(/no workload in .*service\.yaml.*HR_NO_MANIFESTS/))

  test.each([
    [undefined, []],
    [['a'], ['deployment/web']],
  ])('files %j and targets %j', async (files, targets) => {
    const io = { stdin: Readable.from(['']), stdout: new PassThrough(), stderr: new PassThrough(), env: {} }
    await expect(
      explainCommand({ files, targets, defaults: builtInDefaults }, { output: 'table' }, io),
    ).rejects.toThrow('HR_BAD_FLAG')
  })
})
