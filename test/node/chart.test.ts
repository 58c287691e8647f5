// hotreload installed by Helm on a real node: install, upgrade under load, rollback, uninstall.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { repository } from '../cluster/paths.ts'
import { helmProgram } from '../cluster/programs.ts'
import { run } from '../cluster/run.ts'
import { answersWhile } from '../support/admission-load.ts'
import { expectNoInstall, system } from '../support/install.ts'
import { images, namespace, until } from '../support/kube.ts'
import { kubectl } from '../support/kubectl.ts'
import { agentStatus, configMap, configMapVolume, deployment, edit } from '../support/reload.ts'

const work = mkdtempSync(join(tmpdir(), 'hotreload-chart-'))
let helm: (...argv: string[]) => Promise<string>
let image = ''

beforeAll(async () => {
  await expectNoInstall()
  const program = await helmProgram((line) => console.log(line))
  const env = {
    ...process.env,
    KUBECONFIG: inject('cluster').kubeconfig,
    HELM_CACHE_HOME: work,
    HELM_DATA_HOME: work,
  }
  helm = (...argv) => run([program, ...argv, ...system], { env, timeoutMs: 400_000 })
  ;[image = ''] = await images('nginx', 'hotreload', 'hotreload-agent')
})
afterAll(() => rmSync(work, { recursive: true }))

/** The chart as an archive. */
async function packaged(version: string): Promise<string> {
  const directory = join(work, version)
  cpSync(join(repository, 'deploy/chart'), directory, { recursive: true })
  const file = join(directory, 'Chart.yaml')
  writeFileSync(file, readFileSync(file, 'utf8').replace(/^version: .*/m, `version: ${version}`))
  await helm('package', directory, '--destination', work)
  return join(work, `hotreload-${version}.tgz`)
}

const authority = () =>
  kubectl(['get', 'secret', 'hotreload-ca', String.raw`--output=jsonpath={.data.ca\.crt}`, ...system])
const podNames = async () => new Set((await kubectl(['get', 'pods', '--output=name', ...system])).split('\n'))

const bare = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'bare', annotations: { 'hotreload.dev/inject': 'true' } },
  spec: { containers: [{ name: 'app', image: 'localhost/none:1' }] },
}

test('from install to uninstall', async () => {
  await helm(
    'install',
    'hotreload',
    await packaged('0.0.9'),
    '--create-namespace',
    '--wait',
    '--timeout=300s',
  )
  const ns = await namespace({ 'hotreload.dev/injection': 'enabled' })
  await until('the webhook has a trusted certificate', async () => (await authority()) !== '')
  const mounted = { image, volumeMounts: [{ name: 'conf', mountPath: '/etc/nginx/conf.d' }] }
  const page = (text: string) => ({ 'default.conf': `server { listen 8080; return 200 ${text}; }` })
  await ns.apply(configMap('conf', page('one')))
  await until('Pods are injected', async () => {
    await ns.apply(deployment(mounted, [configMapVolume('conf')]))
    const [pod] = await ns.podsReady('app=web')
    if (pod?.spec?.initContainers?.some(({ name }) => name === 'hotreload-agent')) return true
    await ns.kubectl(['delete', 'deployment', 'web'])
    return false
  })
  const [pod] = await ns.podsReady('app=web')
  if (!pod) throw new Error('no Pod')
  await edit(ns, 'conf', page('two'), [pod])
  await until('the edit is loaded', async () => (await agentStatus(ns, pod)).state === 'loaded')

  const before = await authority()
  const current = await packaged('0.1.0')
  const required = await namespace({ 'hotreload.dev/injection': 'required' })
  const statuses = await answersWhile(required, bare, () =>
    helm('upgrade', 'hotreload', current, '--set=logLevel=warn', '--wait', '--timeout=300s'),
  )
  expect([...statuses.keys()]).toEqual([201])
  expect(statuses.get(201)).toBeGreaterThan(100)
  expect(await authority()).toBe(before)

  const settled = await podNames()
  await helm('upgrade', 'hotreload', current, '--set=logLevel=warn', '--wait')
  expect(await podNames(), 'an upgrade that changes nothing replaces nothing').toEqual(settled)

  await helm('rollback', 'hotreload', '1', '--wait', '--timeout=300s')
  const env = await kubectl([
    'get',
    'deployment',
    'hotreload',
    '--output=jsonpath={.spec.template.spec.containers[0].env}',
    ...system,
  ])
  expect(env).not.toContain('HOTRELOAD_LOG_LEVEL')
  expect(await authority()).toBe(before)

  await helm('uninstall', 'hotreload', '--wait', '--timeout=300s')
  const clusterWide =
    'clusterroles,clusterrolebindings,mutatingwebhookconfigurations,validatingadmissionpolicies,priorityclasses'
  const left = (await kubectl(['get', clusterWide, '--output=name'])).split('\n')
  expect(left.filter((name) => name.includes('hotreload'))).toEqual([])
  const inNamespace = (
    await kubectl(['get', 'secrets,configmaps,leases,roles,services', '--output=name', ...system])
  ).split('\n')
  expect(inNamespace.filter((name) => name && name !== 'configmap/kube-root-ca.crt')).toEqual([])
})
