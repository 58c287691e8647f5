// hotreload installed in the cluster as users install it: its own image, Service, RBAC and certificate; then with the certificate that
// cert-manager would supply.
import { join } from 'node:path'
import type { V1Pod } from '@kubernetes/client-node'
import { beforeAll, describe, expect, test } from 'vitest'
import { issueAuthority, issueServing } from '../../src/tls/issue.ts'
import { answersWhile as answersUnderLoad } from '../support/admission-load.ts'
import { installCertManagerCrds } from '../support/cert-manager.ts'
import {
  expectNoInstall,
  installNamespace,
  installReady,
  rendered,
  renderedObjects,
  SYSTEM,
  system,
} from '../support/install.ts'
import { images, type Namespace, until } from '../support/kube.ts'
import { kubectl, manifest, tryKubectl } from '../support/kubectl.ts'
import { configMap, configMapVolume, deployment } from '../support/reload.ts'
import type { WebhookConfiguration } from '../support/webhook.ts'

let image = ''
beforeAll(async () => {
  await expectNoInstall()
  ;[image = ''] = await images('nginx', 'hotreload', 'hotreload-agent')
})

/** The install of the versions that had one Deployment and one ServiceAccount for both parts, and no policy for these. */
async function renderedAsOneDeployment(seconds: number): Promise<string> {
  const objects = await renderedObjects('deploy', seconds)
  for (const { kind, metadata, spec, subjects } of objects) {
    if (kind === 'Deployment' && metadata.name === 'hotreload')
      spec.template.spec.containers[0].args = ['serve']
    if (subjects) subjects.push({ kind: 'ServiceAccount', name: 'hotreload', namespace: SYSTEM })
  }
  return manifest(
    objects.filter(
      ({ kind, metadata }) =>
        !(kind === 'Deployment' && metadata.name === 'hotreload-controller') &&
        !kind.startsWith('ValidatingAdmissionPolicy'),
    ),
  )
}

const webhookConfiguration = async (): Promise<WebhookConfiguration> =>
  JSON.parse(await kubectl(['get', 'mutatingwebhookconfiguration', 'hotreload', '--output=json']))

const web = () =>
  deployment({ image, volumeMounts: [{ name: 'conf', mountPath: '/etc/nginx/conf.d' }] }, [
    configMapVolume('conf'),
  ])
const pod = (annotations: Record<string, string> = {}) => {
  const { metadata, spec } = web().spec.template
  return { apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, name: 'bare', annotations }, spec }
}
const optedIn = { 'hotreload.dev/inject': 'true' }
const site = configMap('conf', { 'default.conf': 'server { listen 8080; }' })
const initNames = ({ spec }: V1Pod): string[] => (spec?.initContainers ?? []).map(({ name }) => name)

/** Applies an opted-in Deployment and waits for its injected Pod. */
async function expectInjected(): Promise<Namespace> {
  const ns = await installNamespace('enabled')
  await ns.apply([site, web()])
  const [made] = await ns.podsReady('app=web')
  expect(made && initNames(made)).toContain('hotreload-agent')
  return ns
}

const answersWhile = async (replaceAll: () => Promise<unknown>) =>
  answersUnderLoad(await installNamespace('required'), pod(optedIn), replaceAll)

/** What the replicas that stay have logged at level error. */
async function errors(): Promise<string[]> {
  const { items }: { items: V1Pod[] } = JSON.parse(await kubectl(['get', 'pods', '--output=json', ...system]))
  const staying = items.filter(({ metadata }) => metadata?.deletionTimestamp === undefined)
  expect(staying).toHaveLength(4)
  const logs = await Promise.all(
    staying.map(({ metadata }) => kubectl(['logs', metadata?.name ?? '', ...system])),
  )
  return logs.flatMap((log) => log.split('\n').filter((line) => line.includes('"level":"error"')))
}

describe('kubectl apply -k deploy', () => {
  test('two replicas of each part become Ready with one certificate of their own, and every entry trusts it', async () => {
    await kubectl(['apply', '-f', '-'], await rendered('deploy'))
    await installReady()
    const { webhooks } = await until('every entry has a caBundle', async () => {
      const found = await webhookConfiguration()
      return found.webhooks.every(({ clientConfig }) => clientConfig.caBundle !== undefined) && found
    })
    const authority = await kubectl([
      'get',
      'secret',
      'hotreload-ca',
      '--output=jsonpath={.data.ca\\.crt}',
      ...system,
    ])
    expect(new Set(webhooks.map(({ clientConfig }) => clientConfig.caBundle))).toEqual(new Set([authority]))
    expect(await errors()).toEqual([])
  })

  test('the first opted-in Pod is injected and runs', async () => {
    const ns = await installNamespace('enabled')
    await until('the API server has heard of the caBundle', async () => {
      const result = await ns.kubectl(
        ['create', '--dry-run=server', '--output=json', '-f', '-'],
        manifest(pod(optedIn)),
      )
      return initNames(JSON.parse(result)).includes('hotreload-agent')
    })
    await expectInjected()
  })

  test('ConfigMaps are read, Secrets only once deploy/secrets is applied', async () => {
    const ns = await installNamespace('enabled')
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'db' },
      stringData: { password: 'hunter2' },
    }
    await ns.apply([site, configMap('env', { COLOR: 'blue' }), secret])
    const envFrom = [{ configMapRef: { name: 'env' } }, { secretRef: { name: 'db' } }]
    const workload = deployment({ image, envFrom }, [], { replicas: 0 })
    const stamp = async () =>
      ns.kubectl([
        'get',
        'deployment',
        'web',
        '--output=jsonpath={.spec.template.metadata.annotations.hotreload\\.dev/checksum}',
      ])

    const refused = await tryKubectl(['apply', '--namespace', ns.name, '-f', '-'], manifest(workload))
    expect(refused.stderr).toContain('or nothing rolls out: Secret db is used by env but may not be read')
    expect(Object.keys(JSON.parse(await stamp()))).toEqual(['ConfigMap/env'])

    await ns.kubectl(['apply', '-k', join(import.meta.dirname, '../../deploy/secrets')])
    await ns.kubectl(['delete', 'deployment', 'web'])
    const { stderr } = await tryKubectl(['apply', '--namespace', ns.name, '-f', '-'], manifest(workload))
    expect(stderr).not.toContain('Secret db')
    expect(Object.keys(JSON.parse(await stamp()))).toEqual(['ConfigMap/env', 'Secret/db'])
    expect(await stamp()).toMatch(/"Secret\/db":"[0-9a-f]{8}\.2:[0-9a-f]{16}"/)
  })

  test('applying it again leaves the caBundle alone', async () => {
    const before = await webhookConfiguration()
    await kubectl(['apply', '-f', '-'], await rendered('deploy'))
    expect((await webhookConfiguration()).webhooks).toEqual(before.webhooks)
  })

  test('a caBundle that somebody removed is back within seconds', async () => {
    const { webhooks } = await webhookConfiguration()
    const patch = webhooks.map((_, index) => ({
      op: 'remove',
      path: `/webhooks/${index}/clientConfig/caBundle`,
    }))
    await kubectl([
      'patch',
      'mutatingwebhookconfiguration',
      'hotreload',
      '--type=json',
      `--patch=${JSON.stringify(patch)}`,
    ])
    await until('it is back', async () => {
      const found = await webhookConfiguration()
      return found.webhooks.every(
        ({ clientConfig }, index) => clientConfig.caBundle === webhooks[index]?.clientConfig.caBundle,
      )
    })
  })

  test('without a replica Pods are made as they are, its own and kube-system’s too; where injection is required they are not', async () => {
    await kubectl(['scale', 'deployment/hotreload', '--replicas=0', ...system])
    await kubectl([
      'wait',
      '--for=delete',
      'pod',
      '--selector=app.kubernetes.io/name=hotreload',
      '--timeout=300s',
      ...system,
    ])
    const dryRun = ['create', '--dry-run=server', '--output=json', '-f', '-']
    const optional = await installNamespace('enabled')
    expect(initNames(JSON.parse(await optional.kubectl(dryRun, manifest(pod(optedIn)))))).toEqual([])
    const required = await installNamespace('required')
    await expect(required.kubectl(dryRun, manifest(pod(optedIn)))).rejects.toThrow(
      'pods-required.hotreload.dev',
    )
    expect(initNames(JSON.parse(await required.kubectl(dryRun, manifest(pod()))))).toEqual([])
    const inKubeSystem = await kubectl([...dryRun, '--namespace', 'kube-system'], manifest(pod(optedIn)))
    expect(initNames(JSON.parse(inKubeSystem))).toEqual([])
    await kubectl(['scale', 'deployment/hotreload', '--replicas=2', ...system])
    await installReady()
  })

  test('replacing every replica under load loses no review', async () => {
    // As deployed: they stay until nobody is connected.
    const grace = { spec: { template: { spec: { terminationGracePeriodSeconds: 120 } } } }
    await kubectl(['patch', 'deployment', 'hotreload', `--patch=${JSON.stringify(grace)}`, ...system])
    await installReady()
    const statuses = await answersWhile(() =>
      kubectl(['rollout', 'restart', 'deployment/hotreload', ...system]),
    )
    expect([...statuses.keys()]).toEqual([201])
    expect(statuses.get(201)).toBeGreaterThan(100)
  })

  test('an upgrade from one Deployment for both parts loses no review, and the controller takes over', async () => {
    await kubectl(['delete', 'deployment', 'hotreload-controller', ...system])
    const policies = ['pods', 'workloads', 'jobs', 'secrets', 'config-maps'].map(
      (name) => `hotreload-${name}`,
    )
    await kubectl(['delete', 'validatingadmissionpolicybinding', ...policies])
    await kubectl(['apply', '-f', '-'], await renderedAsOneDeployment(120))
    await installReady(['hotreload'])
    const holder = () =>
      kubectl(['get', 'lease', 'hotreload-controller', '--output=jsonpath={.spec.holderIdentity}', ...system])
    await until('a replica with both parts leads', async () =>
      /^hotreload-(?!controller-)/.test(await holder()),
    )
    const upgrade = await rendered('deploy', 120)
    const statuses = await answersWhile(() => kubectl(['apply', '-f', '-'], upgrade))
    expect([...statuses.keys()]).toEqual([201])
    expect(statuses.get(201)).toBeGreaterThan(100)
    await until('a replica of the controller leads', async () =>
      (await holder()).startsWith('hotreload-controller-'),
    )
  })
})

describe('kubectl apply -k certs', () => {
  const names: [string] = [`hotreload.${SYSTEM}.svc`]

  /** What cert-manager and its cainjector do. */
  async function supply(): Promise<string> {
    const authority = await issueAuthority(new Date())
    const { cert, key } = await issueServing(authority, names, new Date())
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'kubernetes.io/tls',
      metadata: { name: 'hotreload-tls', namespace: SYSTEM },
      stringData: { 'tls.crt': cert, 'tls.key': key, 'ca.crt': authority.cert },
    }
    await kubectl(['apply', '-f', '-'], manifest(secret))
    const caBundle = Buffer.from(authority.cert).toString('base64')
    const { webhooks } = await webhookConfiguration()
    const patch = webhooks.map((_, index) => ({
      op: 'add',
      path: `/webhooks/${index}/clientConfig/caBundle`,
      value: caBundle,
    }))
    await kubectl([
      'patch',
      'mutatingwebhookconfiguration',
      'hotreload',
      '--type=json',
      `--patch=${JSON.stringify(patch)}`,
    ])
    return caBundle
  }

  test('serves what is in the mounted Secret, and writes nothing itself', async () => {
    await installCertManagerCrds()
    await until('the new kinds are served', async () => {
      return (await tryKubectl(['apply', '-f', '-'], await rendered('certs'))).code === 0
    })
    // kubectl apply takes nothing away; certs/kustomization.yaml says so.
    await kubectl(['delete', '-f', join(import.meta.dirname, '../../deploy/base/tls-rbac.yaml')])
    const caBundle = await supply()
    await installReady()
    await expectInjected()
    expect(
      new Set((await webhookConfiguration()).webhooks.map(({ clientConfig }) => clientConfig.caBundle)),
    ).toEqual(new Set([caBundle]))
    expect(await errors()).toEqual([])
  })
})
