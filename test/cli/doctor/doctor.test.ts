// Each check and its sentence; a missing right, cluster or install stops no other check.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type {
  V1Container,
  V1Deployment,
  V1MutatingWebhookConfiguration,
  V1Node,
  V1PolicyRule,
} from '@kubernetes/client-node'
import { describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import type { ApiCall, ApiResponse } from '../../../src/api/api.ts'
import { checkNodes, checkOtherTools, checkServer } from '../../../src/cli/doctor/cluster.ts'
import { examine, exitCodeOf } from '../../../src/cli/doctor/doctor.ts'
import { checks, type Finding, few } from '../../../src/cli/doctor/finding.ts'
import {
  checkCertificates,
  checkDeployment,
  checkPolicy,
  checkWebhooks,
  ENTRIES,
  readReport,
  trusted,
} from '../../../src/cli/doctor/install.ts'
import { checkRights, needsOf, type Part, parts, rightsNeeded } from '../../../src/cli/doctor/rights.ts'
import { checkSettings, followsOtherTools } from '../../../src/cli/doctor/settings.ts'
import { judgeTrial, trialPod } from '../../../src/cli/doctor/trial.ts'
import {
  checkAnnotations,
  checkNamespaces,
  checkPods,
  checkSecrets,
  checkSubPaths,
  secretsToRead,
  withoutController,
} from '../../../src/cli/doctor/workloads.ts'
import type { KubeClient } from '../../../src/kube/client.ts'
import { builtInDefaults } from '../../../src/policy/defaults.ts'
import { createMetrics } from '../../../src/telemetry/metrics.ts'
import { parseBundle } from '../../../src/tls/certificates.ts'
import { issueAuthority } from '../../../src/tls/issue.ts'
import { workloadKinds } from '../../../src/workload/kinds.ts'
import type { ApiObject } from '../../../src/workload/pod-template.ts'
import { keys, nginx, pod, podSpec, pods, submit, workload } from '../../support/builders.ts'

const DAY = 86_400_000
const NOW = Date.parse('2026-11-21T00:00:00Z')
const account = { namespace: 'hotreload-system', name: 'hotreload' }
const results = (findings: readonly Finding[]) => findings.map(({ result }) => result)
const texts = (findings: readonly Finding[]) => findings.map(({ text }) => text).join('\n')

const authority = await issueAuthority(new Date(NOW))
const caBundle = Buffer.from(authority.cert).toString('base64')
const configuration = (
  caBundleOf: (name: string) => string | undefined = () => caBundle,
): V1MutatingWebhookConfiguration => ({
  metadata: { name: 'hotreload' },
  webhooks: ENTRIES.map((name) => {
    const bundle = caBundleOf(name)
    return {
      name,
      admissionReviewVersions: ['v1'],
      sideEffects: 'None',
      clientConfig: {
        service: { name: 'hotreload', namespace: 'hotreload-system' },
        ...(bundle ? { caBundle: bundle } : {}),
      },
    }
  }),
})

describe('webhooks', () => {
  test('all entries exist', () => expect(results(checkWebhooks(configuration()))).toEqual(['ok']))

  test('the entries are those of deploy/', () => {
    const deployed = parseAllDocuments(
      readFileSync(join(import.meta.dirname, '../../../deploy/base/webhook.yaml'), 'utf8'),
    )
      .map((document) => document.toJS())
      .flatMap(({ webhooks }) => webhooks ?? [])
    expect([...ENTRIES].toSorted()).toEqual(deployed.map(({ name }: { name: string }) => name).toSorted())
  })

  test('none: not installed', () =>
    expect(texts(checkWebhooks(undefined))).toMatch(
      /not installed; install hotreload: https:.*\/docs\/install.md$/,
    ))

  test('an entry is missing', () => {
    const { webhooks = [], ...rest } = configuration()
    const findings = checkWebhooks({ ...rest, webhooks: webhooks.slice(1) })
    expect(texts(findings)).toContain('has no entry pods.hotreload.dev')
  })

  test('a caBundle is missing', () => {
    const findings = checkWebhooks(
      configuration((name) => (name === 'pods.hotreload.dev' ? undefined : caBundle)),
    )
    expect(findings).toMatchObject([
      { result: 'problem', text: expect.stringContaining('no caBundle at pods.hotreload.dev') },
    ])
  })
})

describe('certificates', () => {
  const authorities = trusted(configuration())
  const ca = authorities[0]?.notAfter.getTime() ?? 0

  test('each authority once', () => expect(authorities).toHaveLength(1))

  test('good', () =>
    expect(results(checkCertificates(authorities, [{ pod: 'a', serving: NOW + 60 * DAY, ca }], NOW))).toEqual(
      ['ok', 'ok'],
    ))

  test.each<[string, Parameters<typeof checkCertificates>[1], Finding['result'], string]>([
    ['late for its renewal', [{ pod: 'a', serving: NOW + 3 * DAY }], 'warning', 'should have been renewed'],
    ['expired', [{ pod: 'a', serving: NOW - DAY }], 'problem', 'expired on 2026-11-20'],
    ['not reported', [{ pod: 'a' }], 'unknown', 'Pod a did not report'],
    [
      'of another authority',
      [{ pod: 'a', serving: NOW + 60 * DAY, ca: ca + DAY }],
      'problem',
      'an authority that is not in caBundle',
    ],
  ])('%s', (_, replicas, result, sentence) => {
    const findings = checkCertificates(authorities, replicas, NOW)
    expect(results(findings)).toContain(result)
    expect(texts(findings)).toContain(sentence)
  })

  test('a caBundle that is no certificate', () =>
    expect(results(checkCertificates(parseBundle('nonsense'), [], NOW))).toEqual(['problem']))

  test('read from the metrics that hotreload writes', async () => {
    const metrics = createMetrics()
    metrics.certificate('serving', new Date(NOW))
    metrics.certificate('ca', new Date(NOW + 1000))
    expect(readReport('a', await metrics.registry.metrics())).toEqual({
      pod: 'a',
      serving: NOW,
      ca: NOW + 1000,
    })
    metrics.policyFile(false)
    const report = readReport('a', await metrics.registry.metrics())
    expect(checkPolicy([report, { pod: 'b' }])).toMatchObject([
      {
        check: 'settings',
        result: 'problem',
        text: expect.stringContaining("Pod a can't use its policy file"),
      },
    ])
  })
})

describe('replicas and versions', () => {
  const deployment = (ready: number, image: string, agent = image): V1Deployment => ({
    metadata: { name: 'hotreload' },
    spec: {
      replicas: 2,
      selector: {},
      template: {
        spec: {
          containers: [{ name: 'hotreload', image, env: [{ name: 'HOTRELOAD_AGENT_IMAGE', value: agent }] }],
        },
      },
    },
    status: { readyReplicas: ready, updatedReplicas: 2 },
  })
  test.each<[string, V1Deployment | undefined, Finding['result'][], string]>([
    ['none', undefined, ['problem'], 'does not exist'],
    ['all', deployment(2, 'r:5000/hotreload:0.1.0'), ['ok', 'ok'], '2 of 2'],
    ['one of two', deployment(1, 'hotreload:0.1.0'), ['warning', 'ok'], '1 of 2'],
    ['none of two', deployment(0, 'hotreload:0.1.0'), ['problem', 'ok'], 'kubectl describe pods'],
    [
      'another version',
      deployment(2, 'hotreload:0.2.0'),
      ['ok', 'warning'],
      'it is 0.2.0 and this program 0.1.0',
    ],
    ['another agent', deployment(2, 'hotreload:0.1.0', 'agent:0.0.9'), ['ok', 'warning'], 'its agents 0.0.9'],
    [
      'whose newest does not come up',
      { ...deployment(2, 'hotreload:0.1.0'), status: { readyReplicas: 2, updatedReplicas: 1 } },
      ['warning', 'ok'],
      '2 of 2 replicas Ready, 1 of its newest template; see kubectl describe pods',
    ],
    [
      'a digest shows no version',
      deployment(2, 'r:5000/hotreload@sha256:ab'),
      ['ok', 'ok'],
      'without a version',
    ],
  ])('%s', (_, one, expected, sentence) => {
    const findings = checkDeployment(one, account, '0.1.0')
    expect(results(findings)).toEqual(expected)
    expect(texts(findings)).toContain(sentence)
  })
})

describe('settings', () => {
  const deployment = (args: string[], env: string[] = []): V1Deployment => ({
    spec: {
      selector: {},
      template: {
        spec: { containers: [{ name: 'hotreload', args, env: env.map((name) => ({ name, value: '1' })) }] },
      },
    },
  })

  test('those of the webhook are in place at its Deployment', () => {
    const args = ['serve', '--only=webhook', '--tls-dir', '/tls']
    const webhook = deployment(args, ['HOTRELOAD_AGENT_IMAGE', 'NODE_OPTIONS'])
    const controller = deployment(['serve', '--max-replaced-pods=5', '--issue-certificates=false'])
    expect(checkSettings(webhook, controller)).toEqual([])
    expect(checkSettings(undefined, undefined)).toEqual([])
  })

  test('those of the controller are not', () => {
    const found = checkSettings(
      deployment(['serve', '--max-replaced-pods=5'], ['HOTRELOAD_COMPAT']),
      undefined,
    )
    expect(results(found)).toEqual(['warning'])
    expect(texts(found)).toBe(
      'Deployment hotreload has --max-replaced-pods, HOTRELOAD_COMPAT, which the webhook does not use; set it for Deployment hotreload-controller',
    )
  })

  test.each([
    [['--tls-dir=/tls'], [], 'set --issue-certificates=false there'],
    [[], ['--issue-certificates=false'], 'remove --issue-certificates=false there'],
    [[], ['--issue-certificates=0'], 'remove --issue-certificates=false there'],
    [['--tls-dir=/tls'], ['--issue-certificates=true', '--issue-certificates', 'False'], ''],
    [[], ['--issue-certificates', '--max-replaced-pods=5'], ''],
    [[], [], ''],
  ])('a certificate with %j and %j has one issuer', (ofWebhook, ofController, advice) => {
    const found = checkSettings(deployment(ofWebhook), deployment(ofController))
    expect(results(found)).toEqual(advice === '' ? [] : ['warning'])
    expect(texts(found)).toContain(advice)
  })

  test('the policy file is one for both', () => {
    const [one, other] = [deployment(['serve', '--policy=/a']), deployment(['serve', '--policy', '/a'])]
    expect(checkSettings(one, other)).toEqual([])
    expect(texts(checkSettings(one, deployment(['serve'])))).toBe(
      'Deployments hotreload and hotreload-controller have different policy files (/a, none); set HOTRELOAD_POLICY for both',
    )
  })
})

describe('the trial Pod', () => {
  test('is one that the webhook injects', async () => {
    const { outcome, object } = await submit(pods(), structuredClone(trialPod) as ApiObject)
    expect(outcome).toBe('injected')
    expect(judgeTrial({ status: 201, body: object }, 'shop', '0.0.0')).toMatchObject({ result: 'ok' })
    expect(judgeTrial({ status: 201, body: object }, 'shop', '0.1.0').text).toContain('of version 0.0.0')
  })

  test.each<[string, ApiResponse, Finding['result'], string]>([
    ['comes back as it was', { status: 201, body: trialPod }, 'problem', 'does not reach the webhook'],
    [
      'is refused because of us',
      {
        status: 500,
        body: { message: 'failed calling webhook "pods-required.hotreload.dev": x509: unknown' },
      },
      'problem',
      'x509: unknown',
    ],
    [
      'is one that the user may not create',
      { status: 403, body: { message: 'pods is forbidden: User "a" cannot create resource "pods"' } },
      'unknown',
      'you may not create pods in shop',
    ],
    [
      'is refused by others',
      { status: 403, body: { message: 'exceeded quota' } },
      'unknown',
      'exceeded quota',
    ],
  ])('%s', (_, response, result, sentence) => {
    const finding = judgeTrial(response, 'shop', '0.1.0')
    expect(finding).toMatchObject({ result, text: expect.stringContaining(sentence) })
  })
})

describe('permissions', () => {
  const everyRight = { certManager: false, kinds: workloadKinds }
  const controllerAccount = { ...account, name: 'hotreload-controller' }
  const objects = ['rbac', 'controller-rbac', 'tls-rbac'].flatMap((file) =>
    parseAllDocuments(
      readFileSync(join(import.meta.dirname, `../../../deploy/base/${file}.yaml`), 'utf8'),
    ).map((document) => document.toJS()),
  )
  /** The rules of the roles that are bound to a ServiceAccount. */
  const rulesOf = (name: string) =>
    objects
      .filter(({ subjects = [] }) => subjects.some((subject: { name: string }) => subject.name === name))
      .map(({ roleRef }) =>
        objects.find(({ kind, metadata }) => kind === roleRef.kind && metadata.name === roleRef.name),
      )
      .flatMap(({ kind, rules }) => rules.map((rule: V1PolicyRule) => ({ kind, ...rule })))
  const needed = [
    ...rightsNeeded('webhook', account, everyRight).map(({ right }) => ({ right, account })),
    ...rightsNeeded('controller', controllerAccount, everyRight).map(({ right }) => ({
      right,
      account: controllerAccount,
    })),
  ]

  test.each(needed)(
    'deploy/ grants $account.name $right.verb $right.resource $right.name',
    ({ right, account: { name } }) => {
      const grants = rulesOf(name).some(
        ({ kind, apiGroups = [], resources = [], verbs, resourceNames }) =>
          (kind === 'ClusterRole' || right.namespace !== undefined) &&
          apiGroups.includes(right.group ?? '') &&
          resources.includes(right.resource) &&
          verbs.includes(right.verb) &&
          (resourceNames === undefined || resourceNames.includes(right.name)),
      )
      expect(grants).toBe(true)
    },
  )

  test('with cert-manager, hotreload needs no right to its certificate', () => {
    const named = (part: Part, certManager: boolean) =>
      rightsNeeded(part, account, { certManager, kinds: workloadKinds }).map(({ right }) => right.name)
    for (const part of parts) {
      expect(named(part, false)).toContain('hotreload-serving')
      expect(named(part, true)).not.toContain('hotreload-serving')
    }
    expect(named('webhook', true)).toEqual([undefined, 'hotreload-install-key'])
  })

  test('with named namespaces, each right is asked for in each of them, and none in the whole cluster', () => {
    const rights = rightsNeeded('controller', controllerAccount, { ...everyRight, watched: ['bank', 'shop'] })
    const where = (one: string) =>
      rights
        .filter(({ right }) => right.resource === one)
        .map(({ right }) => `${right.verb} ${right.namespace}`)
    expect(where('namespaces')).toEqual(['get bank', 'get shop'])
    expect(where('pods')).toHaveLength(6)
    expect(where('deployments')).toContain('get hotreload-system')
    expect(
      rights.filter(({ right }) => right.namespace === undefined).map(({ right }) => right.resource),
    ).toEqual(['mutatingwebhookconfigurations', 'mutatingwebhookconfigurations'])
    const missing = rights.filter(({ right }) => right.resource === 'pods')
    expect(texts(checkRights(missing, controllerAccount))).toBe(
      'ServiceAccount hotreload-system/hotreload-controller may not get, list, patch pods in bank, shop, so Pods see an edit after a minute instead of at once; run helm upgrade with these watchNamespaces',
    )
  })

  test('one finding for each object, with its missing rights and what does not work', () => {
    const missing = rightsNeeded('controller', controllerAccount, everyRight).filter(
      ({ need }) => need.resource === 'deployments',
    )
    expect(missing.length).toBe(4)
    expect(texts(checkRights(missing, controllerAccount))).toBe(
      'ServiceAccount hotreload-system/hotreload-controller may not get, list, watch, patch deployments.apps, so deployments are not rolled out; apply deploy again',
    )
    expect(results(checkRights([], account))).toEqual(['ok'])
    const needs = parts.flatMap((part) => needsOf(part, everyRight))
    expect(needs.every(({ without }) => without !== '')).toBe(true)
  })
})

describe('the cluster', () => {
  test.each([
    ['v1.36.3', 'ok'],
    ['v1.30.0-eks-1de2ab1', 'ok'],
    ['v1.29.9', 'problem'],
  ])('API server %s', (version, result) => expect(results(checkServer(version))).toEqual([result]))

  const node = (name: string, kubeletVersion: string, operatingSystem = 'linux') =>
    ({ metadata: { name }, status: { nodeInfo: { kubeletVersion, operatingSystem } } }) as V1Node

  test('names the nodes that are too old, except those on Windows', () => {
    expect(results(checkNodes([node('a', 'v1.31.0'), node('w', 'v1.27.0', 'windows')]))).toEqual(['ok'])
    expect(texts(checkNodes([node('a', 'v1.31.0'), node('b', 'v1.28.4')]))).toContain('node b (v1.28.4)')
  })

  const running = (image: string, replicas = 1): V1Deployment => ({
    metadata: { namespace: 'tools', name: 'it' },
    spec: { replicas, selector: {}, template: { spec: { containers: [{ name: 'it', image }] } } },
  })
  test.each([
    ['ghcr.io/stakater/reloader:v1.4.0', 'Deployment tools/it is Stakater Reloader'],
    ['r.example:5000/mirror/reloader@sha256:ab', 'Stakater Reloader'],
    ['quay.io/wave-k8s/wave:v0.11.0', 'is Wave'],
  ])('%s is another one who follows', (image, sentence) =>
    expect(texts(checkOtherTools([running(image)]))).toContain(sentence),
  )
  test.each(['shop/my-reloader:1', 'jimmidyson/configmap-reload', 'shop/waves'])('%s is not', (image) =>
    expect(results(checkOtherTools([running(image)]))).toEqual(['ok']),
  )
  test('nor is one that is scaled down', () =>
    expect(results(checkOtherTools([running('stakater/reloader', 0)]))).toEqual(['ok']))
})

const IN = keys({ inject: 'true' })
const labelled = new Set(['shop'])
const secretEnv = podSpec({ containers: [{ name: 'api', envFrom: [{ secretRef: { name: 'db' } }] }] })
const dead = podSpec({
  containers: [
    nginx({ volumeMounts: [{ name: 'conf', mountPath: '/etc/nginx/nginx.conf', subPath: 'nginx.conf' }] }),
  ],
})

describe('workloads', () => {
  test('an opt-in without the label', () => {
    const deaf = workload({ own: IN, metadata: { namespace: 'quiet' } })
    expect(results(checkNamespaces([workload({ own: IN })], labelled))).toEqual(['ok'])
    expect(texts(checkNamespaces([deaf], labelled))).toBe(
      'namespace quiet has no label hotreload.dev/injection=enabled, so hotreload.dev/inject does nothing on Deployment web; kubectl label namespace quiet hotreload.dev/injection=enabled',
    )
    expect(texts(checkNamespaces([deaf], labelled, ['shop']))).toBe(
      'hotreload does not watch namespace quiet, so hotreload.dev/inject does nothing on Deployment web; add the namespace to watchNamespaces of the chart',
    )
    const system = workload({ own: IN, metadata: { namespace: 'kube-system' } })
    expect(texts(checkNamespaces([system], labelled))).toContain('hotreload never acts there')
  })

  test('mistakes from before the installation', () => {
    expect(texts(checkAnnotations([workload({ own: IN })], labelled, builtInDefaults))).toBe(
      '1 opted-in workload, without mistakes',
    )
    const wrong = workload({ own: { ...IN, ...keys({ signal: 'HUPP' }) } })
    expect(texts(checkAnnotations([wrong], labelled, builtInDefaults))).toMatch(
      /^Deployment web in namespace shop: .*HR_BAD_SIGNAL\]$/,
    )
  })

  test('annotations that do nothing, since nobody reads a warning twice', () => {
    const typo = workload({ own: { ...IN, ...keys({ singal: 'HUP' }) } })
    const idle = workload({ own: keys({ signal: 'HUP' }) })
    expect(texts(checkAnnotations([typo, idle], labelled, builtInDefaults))).toBe(
      [
        'Deployment web in namespace shop: unknown annotation hotreload.dev/singal; did you mean hotreload.dev/signal?',
        'Deployment web in namespace shop: add hotreload.dev/inject: "true" to this Deployment: without it hotreload.dev/signal does nothing',
      ].join('\n'),
    )
    expect(checkAnnotations([idle], new Set(), builtInDefaults)).toMatchObject([{ result: 'ok' }])
    const spec = { workloadRef: { kind: 'Deployment', name: 'api' } }
    const rollout = {
      apiVersion: 'argoproj.io/v1alpha1',
      kind: 'Rollout',
      metadata: { name: 'api', namespace: 'shop', annotations: IN },
      spec,
    }
    expect(checkAnnotations([rollout], labelled, builtInDefaults)).toMatchObject([
      { result: 'warning', text: expect.stringContaining('annotate Deployment api in its place') },
    ])
  })

  test('opted-in Pods without an agent', () => {
    const one = (change: object = {}, spec = podSpec()) => {
      const made = pod(spec)
      return {
        ...made,
        metadata: { ...made.metadata, namespace: 'shop', name: 'web-1' },
        status: { phase: 'Running' },
        ...change,
      }
    }
    expect(checkPods([one()], [], labelled, builtInDefaults)).toMatchObject([
      {
        result: 'problem',
        text: expect.stringMatching(
          /^1 Pod in namespace shop \(web-1\) is opted in and has no agent.*; kubectl rollout restart -n shop deployment\/web$/,
        ),
      },
    ])
    // No agent is due: nothing to watch, at its end, where nobody listens.
    const fine = [
      one({}, secretEnv),
      one({ status: { phase: 'Succeeded' } }),
      one({ metadata: { ...pod().metadata, namespace: 'quiet' } }),
    ]
    expect(results(checkPods(fine, [], labelled, builtInDefaults))).toEqual(['ok'])
  })

  test('Pods without an agent, since the opt-in is not in their template', () => {
    const untold = [workload({ own: IN }), workload({ kind: 'StatefulSet', own: IN })]
    expect(checkPods([], untold, labelled, builtInDefaults)).toEqual([
      {
        check: 'pods',
        result: 'problem',
        namespace: 'shop',
        text: 'Pods of Deployment web, StatefulSet web in namespace shop have no agent: hotreload.dev/inject was set while hotreload was not available or the namespace had no label; kubectl rollout restart -n shop deployment/web statefulset/web',
        command: 'kubectl rollout restart -n shop deployment/web statefulset/web',
      },
    ])
    const kruise = { ...workload({ kind: 'CloneSet', own: IN }), apiVersion: 'apps.kruise.io/v1alpha1' }
    expect(checkPods([], [kruise], labelled, builtInDefaults)).toEqual([
      expect.objectContaining({ text: expect.stringMatching(/; delete these Pods$/) }),
    ])
    const fine = [
      workload({ own: IN, template: { ...IN, ...keys({ mirrored: 'inject' }) } }),
      workload({ own: IN, metadata: { namespace: 'quiet' } }),
      workload({ own: IN, spec: secretEnv }),
      workload({ own: { ...IN, ...keys({ signal: 'HUPP' }) } }),
      workload({ kind: 'CronJob', own: IN }),
      workload(),
    ]
    expect(results(checkPods([], fine, labelled, builtInDefaults))).toEqual(['ok'])
  })

  test('Secrets that roll out nothing', () => {
    const secrets = secretsToRead(
      [
        workload({ own: IN, spec: secretEnv }),
        workload({ own: IN }),
        workload({ spec: secretEnv }),
        workload({ kind: 'CronJob', own: IN, spec: secretEnv }),
      ],
      labelled,
      builtInDefaults,
      true,
    )
    expect(secrets).toEqual(new Map([['shop', ['db']]]))
    expect(results(checkSecrets(secrets, new Map([['shop', true]])))).toEqual(['ok'])
    expect(texts(checkSecrets(secrets, new Map([['shop', false]])))).toContain('kubectl apply -n shop -k ')
    expect(results(checkSecrets(secrets, new Map()))).toEqual(['unknown'])
    expect(results(checkSecrets(new Map(), new Map()))).toEqual(['ok'])
  })

  test('Secrets that other tools’ annotations name, in namespaces without the label', () => {
    const metadata = { namespace: 'quiet' }
    const followed = [
      workload({ own: { 'reloader.stakater.com/auto': 'true' }, spec: secretEnv, metadata }),
      workload({ own: { 'secret.reloader.stakater.com/reload': 'token, db' }, metadata }),
      workload({
        own: {
          'wave.pusher.com/update-on-config-change': 'true',
          'wave.pusher.com/extra-secrets': 'infra/ca',
        },
      }),
    ]
    const secrets = (compat: boolean) => secretsToRead(followed, labelled, builtInDefaults, compat)
    expect(secrets(true)).toEqual(
      new Map([
        ['quiet', ['db', 'token']],
        ['infra', ['ca']],
      ]),
    )
    expect(secrets(false)).toEqual(new Map())
  })

  test.each<[string, Partial<V1Container>, boolean]>([
    ['nothing', { args: ['serve'] }, true],
    ['its flag', { args: ['serve', '--compat=none'] }, false],
    ['its flag in two words', { args: ['serve', '--compat', 'none'] }, false],
    ['its variable', { env: [{ name: 'HOTRELOAD_COMPAT', value: 'none' }] }, false],
  ])('other tools are followed unless the Deployment says no: %s', (_, change, expected) => {
    const spec = { containers: [{ name: 'hotreload', ...change }] }
    expect(followsOtherTools({ spec: { selector: {}, template: { spec } } })).toBe(expected)
  })

  test('subPath mounts that never follow an edit, counted by namespace', () => {
    const two = [workload({ spec: dead }), workload({ kind: 'StatefulSet', spec: dead })]
    expect(texts(checkSubPaths(two))).toBe(
      'namespace shop: 2 subPath mounts of ConfigMaps or Secrets (Deployment web, StatefulSet web) never follow an edit; hotreload.dev/inject: "true" changes that, see hotreload explain',
    )
    const fine = [workload({ own: IN, spec: dead }), workload(), workload({ kind: 'Job', spec: dead })]
    expect(results(checkSubPaths(fine))).toEqual(['ok'])
    expect(
      results(checkSubPaths([workload({ spec: dead, metadata: { namespace: 'kube-system' } })])),
    ).toEqual(['ok'])
  })

  test('objects of a controller are left out', () =>
    expect(withoutController([pod(), workload()])).toMatchObject([{ kind: 'Deployment' }]))

  test('a few names', () => expect(few(['a', 'b', 'c', 'd', 'e'])).toBe('a, b, c and 2 more'))
})

test.each<[Finding['result'][], number]>([
  [['ok', 'warning'], 0],
  [['ok', 'unknown', 'problem'], 1],
  [['ok', 'unknown', 'warning'], 2],
])('%j end in exit code %i', (given, code) =>
  expect(exitCodeOf(given.map((result) => ({ check: 'pods', result, text: '' })))).toBe(code),
)

describe('the whole', () => {
  const clientOf = (answer: (call: ApiCall) => ApiResponse): KubeClient => ({
    namespace: 'default',
    call: async (call) => answer(call),
    stream: () => Promise.reject(new Error('no stream here')),
  })
  const all = { only: undefined, given: builtInDefaults, now: NOW }
  const version = { status: 200, body: { gitVersion: 'v1.36.3' } }

  test('without any right: the findings name each, and nothing throws', async () => {
    const findings = await examine(
      clientOf(({ path }) => (path === '/version' ? version : { status: 403, body: {} })),
      all,
    )
    expect(new Set(results(findings))).toEqual(new Set(['ok', 'unknown']))
    for (const right of [
      'mutatingwebhookconfigurations/hotreload',
      'list nodes',
      'list namespaces',
      'list deployments',
      'create subjectaccessreviews',
    ])
      expect(texts(findings)).toContain(right)
    expect(findings.find(({ check }) => check === 'certificate')?.text).toContain('mutatingwebhook')
    expect(exitCodeOf(findings)).toBe(2)
  })

  test('docs/cli.md has each check, in the table’s order', () => {
    const page = readFileSync(join(import.meta.dirname, '../../../docs/cli.md'), 'utf8')
    const rows = /\| check \|.*\n\|---.*\n((?:\|.*\n)+)/.exec(page)?.[1]?.split('\n') ?? []
    const documented = rows.flatMap((row) =>
      [...(row.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, name]) => name),
    )
    expect(documented).toEqual([...checks])
  })

  test('without an install: one finding, and the other checks go on', async () => {
    const findings = await examine(
      clientOf(({ path }) => {
        if (path === '/version') return version
        if (path.includes('mutatingwebhook')) return { status: 404, body: {} }
        return {
          status: 200,
          body: {
            kind: 'List',
            items: path.startsWith('/apis/apps/v1/deployments') ? [workload({ spec: dead })] : [],
          },
        }
      }),
      all,
    )
    expect(findings.filter(({ result }) => result === 'problem')).toMatchObject([{ check: 'webhooks' }])
    expect(findings.find(({ check }) => check === 'subpaths')).toMatchObject({ result: 'warning' })
  })

  /** An install whose policy file is in a ConfigMap, in a cluster that has nothing else. */
  const installed = (policy: string, change: Partial<Record<string, unknown>> = {}) =>
    clientOf(({ path }) => {
      const container = {
        name: 'hotreload',
        env: [{ name: 'HOTRELOAD_POLICY', value: '/etc/hotreload/policy.yaml' }],
        volumeMounts: [{ name: 'policy', mountPath: '/etc/hotreload' }],
      }
      const spec = { containers: [container], volumes: [{ name: 'policy', configMap: { name: 'mine' } }] }
      const answers: Record<string, unknown> = {
        '/version': version.body,
        '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/hotreload': configuration(),
        '/apis/apps/v1/namespaces/hotreload-system/deployments/hotreload': { spec: { template: { spec } } },
        '/api/v1/namespaces/hotreload-system/configmaps/mine': { data: { 'policy.yaml': policy } },
        ...change,
      }
      const found = Object.entries(answers).find(([known]) => path.split('?')[0] === known)?.[1]
      if (found) return { status: 200, body: found }
      return path.includes('limit=')
        ? { status: 200, body: { kind: 'List', items: [] } }
        : { status: 404, body: {} }
    })

  test('the mistake in the policy file is named', async () => {
    const findings = await examine(installed('defaults: {subpath: lnk}'), { ...all, given: undefined })
    expect(
      findings.filter(({ check, result }) => check === 'settings' && result === 'problem'),
    ).toMatchObject([
      {
        text: expect.stringMatching(
          /^ConfigMap hotreload-system\/mine, key policy\.yaml: .*defaults\.subpath: "lnk".*HR_BAD_POLICY/,
        ),
      },
    ])
  })

  test('the install’s own policy file decides, unless --policy names one', async () => {
    const shop = { metadata: { name: 'shop', labels: { 'hotreload.dev/injection': 'enabled' } } }
    const change = {
      '/api/v1/namespaces': { kind: 'NamespaceList', items: [shop] },
      '/apis/apps/v1/deployments': {
        kind: 'DeploymentList',
        items: [workload({ own: IN, spec: secretEnv })],
      },
    }
    const secrets = async (given: typeof all.given | undefined) =>
      (await examine(installed('defaults: {env: ignore}', change), { ...all, given })).find(
        ({ check }) => check === 'secrets',
      )?.text
    expect(await secrets(undefined)).toBe('no change of a Secret needs new Pods')
    expect(await secrets(builtInDefaults)).toContain('Secret db')
  })

  test('with -n, a namespace without the label is named', async () => {
    const change = { '/api/v1/namespaces/quiet': { metadata: { name: 'quiet' } } }
    const findings = await examine(installed('', change), { ...all, only: 'quiet' })
    expect(findings.find(({ check }) => check === 'injection')?.text).toBe(
      'namespace quiet has no label hotreload.dev/injection=enabled; kubectl label namespace quiet hotreload.dev/injection=enabled',
    )
  })

  test('with -n, a namespace that does not exist is no namespace without the label', async () => {
    const findings = await examine(installed(''), { ...all, only: 'shpo' })
    expect(findings.filter(({ text }) => text.includes('shpo'))).toMatchObject([
      { check: 'injection', result: 'unknown', text: 'not tried: namespace shpo does not exist' },
      { check: 'workloads', result: 'unknown', text: 'not checked: namespace shpo does not exist' },
    ])
  })

  test('with -n, a labelled namespace that hotreload does not watch is none without the label', async () => {
    const labels = { 'hotreload.dev/injection': 'enabled' }
    const containers = [{ name: 'hotreload', args: ['serve', '--watch-namespaces=shop'] }]
    const change = {
      '/api/v1/namespaces/bank': { metadata: { name: 'bank', labels } },
      '/apis/apps/v1/namespaces/hotreload-system/deployments/hotreload-controller': {
        spec: { template: { spec: { containers } } },
      },
    }
    const findings = await examine(installed('', change), { ...all, only: 'bank' })
    expect(findings.find(({ check }) => check === 'injection')?.text).toBe(
      'hotreload does not watch namespace bank: watchNamespaces of its chart names others',
    )
  })

  test('with -n kube-system, no label is advised', async () => {
    const change = { '/api/v1/namespaces/kube-system': { metadata: { name: 'kube-system' } } }
    const findings = await examine(installed('', change), { ...all, only: 'kube-system' })
    expect(findings.find(({ check }) => check === 'injection')?.text).toBe(
      'hotreload never acts in namespace kube-system',
    )
  })

  test('a labelled namespace that hotreload does not watch is not tried, and counts as not labelled', async () => {
    const named = (name: string) => ({ metadata: { name, labels: { 'hotreload.dev/injection': 'enabled' } } })
    const args = ['serve', '--watch-namespaces=shop']
    const spec = { template: { spec: { containers: [{ name: 'hotreload', args }] } } }
    const posted: string[] = []
    const answer = installed('', {
      '/api/v1/namespaces': { kind: 'NamespaceList', items: [named('bank'), named('shop')] },
      '/apis/apps/v1/namespaces/hotreload-system/deployments/hotreload-controller': { spec },
    })
    const call: KubeClient['call'] = (one) => {
      if (one.method === 'POST') posted.push(one.path)
      return answer.call(one)
    }
    await examine({ ...answer, call }, all)
    expect(posted.filter((path) => path.includes('/pods'))).toEqual([
      '/api/v1/namespaces/shop/pods?dryRun=All',
    ])
  })

  test('a leaving replica is not asked for its certificate', async () => {
    const replica = (name: string, more: object) => ({
      metadata: { name, namespace: 'hotreload-system', ...more },
      status: { phase: 'Running' },
    })
    const items = [replica('leaving', { deletionTimestamp: '2026-11-21T00:00:00Z' }), replica('staying', {})]
    const change = { '/api/v1/namespaces/hotreload-system/pods': { kind: 'PodList', items } }
    const text = texts(await examine(installed('', change), all))
    expect(text).toContain('Pod staying did not report')
    expect(text).not.toContain('leaving')
  })

  test('a namespace of one’s own needs no right to the whole cluster', async () => {
    const paths: string[] = []
    await examine(
      clientOf(({ path }) => {
        paths.push(path)
        return path === '/version' ? version : { status: 404, body: {} }
      }),
      { ...all, only: 'shop' },
    )
    const lists = paths.filter((path) => path.includes('limit='))
    expect(lists.filter((path) => !path.includes('/namespaces/shop/'))).toEqual(['/api/v1/nodes?limit=250'])
  })

  test('custom kinds are listed, and their rights checked, only where the cluster serves their API', async () => {
    const calls: ApiCall[] = []
    await examine(
      clientOf((call) => {
        calls.push(call)
        if (call.path === '/version') return version
        if (call.path === '/apis/argoproj.io/v1alpha1') return { status: 404, body: {} }
        return { status: 200, body: { apiVersion: 'v1', kind: 'List', items: [] } }
      }),
      all,
    )
    const paths = calls.map(({ path }) => path)
    expect(paths).toContain('/apis/apps.kruise.io/v1alpha1/clonesets?limit=250')
    expect(paths).not.toContain('/apis/argoproj.io/v1alpha1/rollouts?limit=250')
    const reviews = JSON.stringify(calls.filter(({ path }) => path.endsWith('/subjectaccessreviews')))
    expect(reviews).toContain('"clonesets"')
    expect(reviews).not.toContain('"rollouts"')
  })

  test('a cluster that does not know the user gets one request only', async () => {
    const paths: string[] = []
    const client = clientOf(({ path }) => {
      paths.push(path)
      return { status: 401, body: {} }
    })
    await expect(examine(client, all)).rejects.toThrow(/does not know you; log in again.*HR_FORBIDDEN/)
    expect(paths).toEqual(['/version'])
  })
})
