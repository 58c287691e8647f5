// The Helm chart: what Helm makes of it, what its schema refuses, and that the kustomize directories are rendered from it.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { V1MutatingWebhook } from '@kubernetes/client-node'
import { beforeAll, describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { repository } from '../cluster/paths.ts'
import { helmProgram } from '../cluster/programs.ts'
import { attempt } from '../cluster/run.ts'
import { renderChart, renderManifests } from '../deploy/render.ts'
import { kubectl, tryKubectl } from '../support/kubectl.ts'

const chart = join(repository, 'deploy/chart')
const everything = join(repository, 'test/deploy/chart-everything.yaml')
let helm = ''
beforeAll(async () => {
  helm = await helmProgram((line) => console.log(line))
}, 1_800_000)

interface KubeObject {
  kind: string
  metadata: { name: string; namespace?: string }
  webhooks?: V1MutatingWebhook[]
}
const objects = (text: string): KubeObject[] =>
  parseAllDocuments(text)
    .map((document): KubeObject | null => document.toJS())
    .filter((object) => object !== null)
const byName = (all: readonly KubeObject[]): KubeObject[] =>
  all.toSorted((a, b) => `${a.kind}/${a.metadata.name}`.localeCompare(`${b.kind}/${b.metadata.name}`))

test('the kustomize directories are rendered from the chart; `make manifests` does it', async () => {
  const rendered = await renderManifests(helm)
  expect(rendered.size).toBeGreaterThan(15)
  for (const [path, text] of rendered) expect(text, path).toBe(readFileSync(join(repository, path), 'utf8'))
})

test.each([
  { values: 'none', argv: [] },
  { values: 'every one', argv: ['--values', everything] },
])('helm lint has nothing to say with $values', async ({ argv }) => {
  const { code, stdout, stderr } = await attempt([helm, 'lint', '--strict', chart, ...argv])
  expect(code, stdout + stderr).toBe(0)
  expect(stdout).not.toMatch(/WARNING|ERROR/)
})

describe('the schema refuses', () => {
  test.each([
    {
      what: 'a name that it does not know',
      set: 'webhook.replica=3',
      text: "additional properties 'replica' not allowed",
    },
    { what: 'a text for a number', set: 'controller.replicas=many', text: '/controller/replicas' },
    { what: 'a digest of another form', set: 'image.digest=latest', text: "'latest' does not match pattern" },
    {
      what: 'an unknown word',
      set: 'secrets.access=all',
      text: "must be one of 'none', 'namespaces', 'cluster'",
    },
    { what: 'a port that is none', set: 'webhook.port=70000', text: 'maximum' },
  ])('$what', async ({ set, text }) => {
    const { code, stderr } = await attempt([helm, 'template', 'hotreload', chart, `--set=${set}`])
    expect(code).not.toBe(0)
    expect(stderr).toContain(text)
  })

  test('Secret rights for namespaces without one', async () => {
    const { code, stderr } = await attempt([
      helm,
      'template',
      'hotreload',
      chart,
      '--set=secrets.access=namespaces',
    ])
    expect(code).not.toBe(0)
    expect(stderr).toContain('secrets.namespaces names no namespace')
  })
})

describe('with named namespaces', () => {
  const named = ['watchNamespaces={shop,bank}', 'evictUninjected=true', 'secrets.access=namespaces']
  const rendered = async (...more: string[]) =>
    objects([...(await renderChart(helm, [...named, ...more])).values()].join('---\n'))
  const clusterRoles = (all: readonly KubeObject[]) =>
    all
      .filter(({ kind }) => kind.startsWith('ClusterRole'))
      .map(({ kind, metadata: { name } }) => `${kind}/${name}`)

  test('the right to the webhook configuration is the only ClusterRole; with cert-manager there is none', async () => {
    expect(clusterRoles(await rendered())).toEqual([
      'ClusterRole/hotreload-tls',
      'ClusterRoleBinding/hotreload-tls',
    ])
    expect(clusterRoles(await rendered('certManager.enabled=true'))).toEqual([])
  })

  test('each namespace has the same Roles, and they are the only ones besides the release’s own', async () => {
    const roles = (await rendered()).filter(({ kind }) => kind === 'Role')
    const of = (namespace: string) =>
      roles.filter(({ metadata }) => metadata.namespace === namespace).map(({ metadata }) => metadata.name)
    expect(of('shop')).toEqual(of('bank'))
    expect(of('shop').toSorted()).toEqual([
      'hotreload',
      'hotreload-controller',
      'hotreload-evict',
      'hotreload-secrets',
    ])
    expect(new Set(roles.map(({ metadata }) => metadata.namespace))).toEqual(
      new Set(['hotreload-system', 'shop', 'bank']),
    )
  })

  test('no entry of the webhook asks about another namespace, and the controller watches no other', async () => {
    const all = await rendered()
    const webhooks = all.flatMap((one) => one.webhooks ?? [])
    expect(webhooks).toHaveLength(5)
    for (const { namespaceSelector } of webhooks)
      expect(namespaceSelector?.matchExpressions).toContainEqual({
        key: 'kubernetes.io/metadata.name',
        operator: 'In',
        values: ['shop', 'bank'],
      })
    expect(JSON.stringify(all)).toContain('"--watch-namespaces=shop,bank"')
  })

  test.each([
    [['watchNamespaces={kube-system}'], 'watchNamespaces names kube-system, where hotreload never acts'],
    [['watchNamespaces={hotreload-system}'], 'watchNamespaces names hotreload-system, where hotreload never'],
    [['watchNamespaces={a/b}'], "'a/b' does not match pattern"],
    [['watchNamespaces={shop}', 'secrets.access=cluster'], 'secrets.access: cluster gives a ClusterRole'],
  ])('%j is refused', async (set, text) => {
    await expect(renderChart(helm, set)).rejects.toThrow(text)
  })
})

test('with cert-manager, the chart and the overlay make the same objects', async () => {
  const rendered = await renderChart(helm, ['certManager.enabled=true', 'namespace.create=true'])
  const kustomized = await kubectl(['kustomize', join(repository, 'certs')])
  expect(byName(objects([...rendered.values()].join('---\n')))).toEqual(byName(objects(kustomized)))
})

test('monitoring makes the objects of deploy/monitoring', async () => {
  const parts = ['serviceMonitor', 'podMonitor', 'rules', 'dashboard']
  const rendered = await renderChart(
    helm,
    parts.map((part) => `monitoring.${part}.enabled=true`),
    'monitoring.yaml',
  )
  const kustomized = ['deploy/monitoring', 'deploy/monitoring/operator'].map((directory) =>
    kubectl(['kustomize', join(repository, directory)]),
  )
  const content = (text: string) =>
    byName(objects(text)).map(({ kind, metadata: { name }, ...rest }) => ({ kind, name, ...rest }))
  expect(content([...rendered.values()].join('---\n'))).toEqual(
    content((await Promise.all(kustomized)).join('---\n')),
  )
})

test('every value has its effect', async () => {
  const { code, stdout, stderr } = await attempt([
    helm,
    'template',
    'hotreload',
    chart,
    '--namespace=reload',
    '--values',
    everything,
    '--set=monitoring.dashboard.enabled=false,monitoring.rules.enabled=false',
  ])
  expect(code, stderr).toBe(0)
  await expect(stdout).toMatchFileSnapshot(join(repository, 'test/deploy/chart-everything.expected.yaml'))
})

test('the API server takes what the chart makes of every value', async () => {
  const { stdout } = await attempt([
    helm,
    'template',
    'hotreload',
    chart,
    '--namespace=default',
    '--values',
    everything,
    '--set=certManager.enabled=false',
    '--set=monitoring.serviceMonitor.enabled=false,monitoring.podMonitor.enabled=false,monitoring.rules.enabled=false',
    '--set=secrets.namespaces={default},watchNamespaces={kube-public}',
  ])
  const { code, stderr } = await tryKubectl(
    ['apply', '--server-side', '--force-conflicts', '--dry-run=server', '-f', '-'],
    stdout,
  )
  // What other tests applied on the client's side gives a warning that kubectl calls non-fatal.
  const complaints = stderr.split('\n').filter((line) => line && !line.includes('failed to migrate'))
  expect(complaints).toEqual([])
  expect(code).toBe(0)
})
