// hotreload installed by Helm on a real node: README's first screen, with the chart from a registry; upgrade under load, rollback, uninstall.
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { writeChart } from '../../deploy/release/chart.ts'
import { repository } from '../cluster/paths.ts'
import { helmProgram } from '../cluster/programs.ts'
import { run } from '../cluster/run.ts'
import { answersWhile } from '../support/admission-load.ts'
import { expectNoInstall, system } from '../support/install.ts'
import { images, namespace, until } from '../support/kube.ts'
import { cluster, kubectl } from '../support/kubectl.ts'
import {
  configMap,
  configMapVolume,
  deployment,
  expectReloadedOnce,
  expectUntouched,
  serves,
} from '../support/reload.ts'

const work = mkdtempSync(join(tmpdir(), 'hotreload-chart-'))
let user: (command: string) => Promise<string>
let helm: (...argv: string[]) => Promise<string>
let image = ''

beforeAll(async () => {
  await expectNoInstall()
  const program = await helmProgram((line) => console.log(line))
  const env = {
    ...process.env,
    KUBECONFIG: cluster().kubeconfig,
    HELM: program,
    HELM_CACHE_HOME: work,
    HELM_DATA_HOME: work,
    PATH: `${work}:${process.env['PATH']}`,
    // What a user's editor does to the ConfigMap.
    KUBE_EDITOR: 'sed -i s/one/two/',
  }
  symlinkSync(program, join(work, 'helm'))
  symlinkSync(cluster().kubectl, join(work, 'kubectl'))
  user = (command) => run(['bash', '-ec', command], { env, cwd: repository })
  helm = (...argv) => run([program, ...argv, ...system], { env, timeoutMs: 400_000 })
  ;[image = ''] = await images('nginx', 'hotreload', 'hotreload-agent')
})
afterAll(() => rmSync(work, { recursive: true }))

/** The chart as the archive of another version. */
async function packaged(version: string): Promise<string> {
  const directory = join(work, version)
  cpSync(join(repository, 'deploy/chart'), directory, { recursive: true })
  const file = join(directory, 'Chart.yaml')
  writeFileSync(file, readFileSync(file, 'utf8').replace(/^version: .*/m, `version: ${version}`))
  await helm('package', directory, '--destination', work)
  const archive = join(directory, `hotreload-chart-${version}.tgz`)
  renameSync(join(work, `hotreload-${version}.tgz`), archive)
  return archive
}

/** The commands of README's first screen, for a namespace of this test, and with the chart from a registry: [install, label, annotate, edit]. */
function firstScreen(chart: string, ns: string): string[] {
  const [, block = ''] = /```sh\n([^]*?)```/.exec(readFileSync(join(repository, 'README.md'), 'utf8')) ?? []
  const commands = block.split('\n').filter((line) => /^(helm|kubectl) /.test(line))
  return commands.map((line) => line.replace(' deploy/chart ', ` ${chart} `).replaceAll(/\bshop\b/g, ns))
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

test("README's first screen, then from upgrade to uninstall", async () => {
  const ns = await namespace()
  const mounted = { image, volumeMounts: [{ name: 'conf', mountPath: '/etc/nginx/conf.d' }] }
  const workload = deployment(mounted, [configMapVolume('conf', 'web')])
  await ns.apply([
    configMap('web', { 'default.conf': 'server { listen 8080; return 200 one; }' }),
    { ...workload, metadata: { name: 'web' } },
  ])
  const [old] = await ns.podsReady('app=web')
  const registry = `oci://$REGISTRY/charts`
  const [install = '', ...commands] = firstScreen(`${registry}/hotreload`, ns.name)
  const push = `deploy/release/push-chart.sh ${dirname(await packaged('0.0.9'))} "${registry}" --plain-http`
  await user(`deploy/release/with-registry.sh bash -ec '${push}; ${install}'`)
  expect(await helm('list', '--output=json')).toContain('"chart":"hotreload-0.0.9"')
  const edit = commands.pop() ?? ''
  for (const command of commands) await user(command)
  const pod = await until('the Pod with an agent has replaced the other', async () => {
    const [now] = await ns.podsReady('app=web')
    return now?.metadata?.uid !== old?.metadata?.uid && now
  })
  await serves(ns, pod, 'one')
  await user(edit)
  await serves(ns, pod, 'two')
  await expectReloadedOnce(ns, pod)
  await expectUntouched(ns, pod)

  const before = await authority()
  const current = join(work, 'current.tgz')
  await writeChart(current, 0)
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
