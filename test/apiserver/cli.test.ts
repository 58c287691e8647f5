// explain, doctor and status as programs against a real API server: as kubectl's plugin, with its flags, and for users with few rights.
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { networkInterfaces, tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import type { V1Deployment, V1Pod } from '@kubernetes/client-node'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { FIRST_PORT } from '../../src/inject/agent-flags.ts'
import { attempt, type Result } from '../cluster/run.ts'
import { configMap, deployment } from '../support/controller.ts'
import { cluster, kubectl, type Namespace, namespace, tryKubectl, until } from '../support/kube.ts'
import { type Webhook, webhook } from '../support/webhook.ts'

const MAIN = join(import.meta.dirname, '../../src/main.ts')
const IN = { 'hotreload.dev/inject': 'true' }

let hook: Webhook
let ns: Namespace
let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hotreload-cli-'))
  // kubectl finds its plugins in PATH.
  const plugin = `#!/bin/sh\nexec ${process.execPath} ${MAIN} "$@"\n`
  await writeFile(join(directory, 'kubectl-hotreload'), plugin, { mode: 0o755 })
  hook = await webhook()
  ns = await hook.namespace()
})
afterAll(() => rm(directory, { recursive: true }))

const environment = (kubeconfig: string): NodeJS.ProcessEnv => ({
  ...process.env,
  KUBECONFIG: kubeconfig,
  PATH: `${directory}${delimiter}${process.env['PATH']}`,
})
const hotreload = (argv: readonly string[], kubeconfig = cluster().kubeconfig): Promise<Result> =>
  attempt([process.execPath, MAIN, ...argv], { env: environment(kubeconfig) })

const nginx = (name: string, annotations: Record<string, string> = IN) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, annotations },
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: {
        // No node takes it: only objects matter here.
        nodeSelector: { 'hotreload.dev/test': 'nowhere' },
        containers: [
          {
            name: 'web',
            image: 'nginx:1.27',
            volumeMounts: [{ name: 'conf', mountPath: '/etc/nginx/nginx.conf', subPath: 'nginx.conf' }],
            envFrom: [{ configMapRef: { name: 'frozen' } }],
          },
        ],
        volumes: [{ name: 'conf', configMap: { name } }],
      },
    },
  },
})

const podOf = (app: string) =>
  until(`a Pod of ${app}`, async () => (await ns.list<V1Pod>('pods', `app=${app}`))[0])

/** A kubeconfig of a user of this cluster, with a ServiceAccount's token. */
async function kubeconfigOf(account: string, change: (config: Kubeconfig) => Kubeconfig = (same) => same) {
  const token = (await ns.kubectl(['create', 'token', account])).trim()
  const config: Kubeconfig = JSON.parse(
    await kubectl(['config', 'view', '--raw', '--minify', '--output=json']),
  )
  const file = join(directory, `${crypto.randomUUID()}.kubeconfig`)
  const users = config.contexts.map(({ context }) => ({ name: context.user, user: { token } }))
  await writeFile(file, JSON.stringify(change({ ...config, users })))
  return file
}
interface Kubeconfig {
  clusters: { name: string; cluster: { server: string } }[]
  contexts: { name: string; context: { cluster: string; user: string; namespace?: string } }[]
  users: unknown[]
}

describe('explain', () => {
  beforeAll(async () => {
    await ns.apply([
      configMap('web', { 'nginx.conf': '' }),
      { ...configMap('frozen', { A: '1' }), immutable: true },
      nginx('web'),
    ])
  })

  /** hotreload's Deployment, of which explain reads no more than the policy file's place. */
  const install = (env: object[]) => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'hotreload', namespace: 'hotreload-system' },
    spec: {
      replicas: 0,
      selector: { matchLabels: { app: 'hotreload' } },
      template: {
        metadata: { labels: { app: 'hotreload' } },
        spec: {
          containers: [
            {
              name: 'hotreload',
              image: 'hotreload',
              env,
              volumeMounts: [{ name: 'policy', mountPath: '/etc/hotreload' }],
            },
          ],
          volumes: [{ name: 'policy', configMap: { name: 'policy' } }],
        },
      },
    },
  })
  const installed = (object: object) => kubectl(['apply', '-f', '-'], JSON.stringify(object))
  beforeAll(async () => {
    await tryKubectl(['create', 'namespace', 'hotreload-system'])
    await installed(install([]))
  })

  /** What explain answers about web with this policy file. */
  async function withPolicy(text: string): Promise<Result> {
    const metadata = { name: 'policy', namespace: 'hotreload-system' }
    await installed({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { 'policy.yaml': text } })
    await installed(install([{ name: 'HOTRELOAD_POLICY', value: '/etc/hotreload/policy.yaml' }]))
    const answer = await hotreload(['explain', 'deploy', 'web', '-n', ns.name])
    await installed(install([]))
    return answer
  }

  test('answers by the cluster’s own policy file', async () => {
    const { stdout, stderr } = await withPolicy('defaults: {subpath: keep}')
    expect(stderr).toBe('')
    expect(stdout).toMatch(
      /\nConfigMap\/web .* rolled out +its subPath is not updated: hotreload.dev\/subpath says keep\n/,
    )
  })

  test('says that it answers without a policy file that has a mistake', async () => {
    const { stdout, stderr } = await withPolicy('defaults: {subpath: magic}')
    expect(stderr).toMatch(
      /^note: hotreload can't use the cluster's policy file: .*\[HR_BAD_POLICY\]; this answer is without it, while running replicas use the last good one\n$/,
    )
    expect(stdout).toMatch(/\nConfigMap\/web .* reloaded /)
  })

  test('says that the policy file was not read', async () => {
    const account = `explainer-${ns.name}`
    await ns.kubectl(['create', 'serviceaccount', account])
    await ns.kubectl([
      'create',
      'rolebinding',
      account,
      '--clusterrole=view',
      `--serviceaccount=${ns.name}:${account}`,
    ])
    const { stdout, stderr } = await hotreload(
      ['-n', ns.name, 'explain', 'deploy/web'],
      await kubeconfigOf(account),
    )
    expect(stdout).toContain(`Deployment web in namespace ${ns.name}`)
    expect(stderr).toBe(
      "note: the cluster's policy file was not read (you may not get deployments/hotreload in namespace hotreload-system); --policy FILE names one\n",
    )
  })

  test('of a ConfigMap says who uses it, and what an edit does to each', async () => {
    await ns.apply([nginx('plain', {}), { ...nginx('other'), metadata: { name: 'other' } }])
    const { code, stdout } = await hotreload(['explain', 'cm/frozen', 'cm/unused', '-n', ns.name])
    expect(stdout).toMatch(
      new RegExp(
        [
          `^ConfigMap frozen in namespace ${ns.name}: 3 workloads use it`,
          'USED BY .*',
          'Deployment/other +web +envFrom +nothing +not opted in; with hotreload.dev/inject: "true" it would be rolled out: .*',
          'Deployment/plain +web +envFrom +nothing +not opted in; .*',
          'Deployment/web +web +envFrom +rolled out +.*',
          'warning: Deployment web: change ConfigMap frozen under a new name: .*',
          '',
          `ConfigMap unused in namespace ${ns.name} does not exist: no workload uses it`,
          '$',
        ].join('\n'),
      ),
    )
    expect(code).toBe(0)
  })

  test('of a workload whose running Pods have no agent says that an edit does nothing', async () => {
    const late = await namespace()
    await late.apply([configMap('late', { 'nginx.conf': '' }), nginx('late')])
    const pod = await until('its Pod', async () => (await late.list<V1Pod>('pods', 'app=late'))[0])
    const running = JSON.stringify({ status: { phase: 'Running' } })
    await late.kubectl([
      'patch',
      'pod',
      pod.metadata?.name ?? '',
      '--subresource=status',
      `--patch=${running}`,
    ])
    const unlabelled = await hotreload(['explain', 'deploy/late', '-n', late.name])
    expect(unlabelled.stdout).toMatch(
      /\nConfigMap\/late .* nothing +namespace .* has no label hotreload\.dev\/injection=enabled\n/,
    )
    expect(unlabelled.code).toBe(1)
    await kubectl(['label', 'namespace', late.name, 'hotreload.dev/injection=enabled'])
    const { code, stdout } = await hotreload(['explain', 'deploy/late', '-n', late.name])
    expect(stdout).toMatch(/\nConfigMap\/late .* nothing +1 running Pod has no agent\n/)
    expect(stdout).toContain(`\nwarning: kubectl rollout restart -n ${late.name} deployment/late: `)
    expect(code).toBe(0)
  })

  test('as kubectl’s plugin, describes the workload in the cluster', async () => {
    const { kubectl: program, kubeconfig } = cluster()
    const argv = [program, 'hotreload', 'explain', 'deploy/web', '-n', ns.name]
    const { code, stdout, stderr } = await attempt(argv, { env: environment(kubeconfig) })
    expect(stderr).toBe('')
    expect(stdout).toMatch(
      new RegExp(
        `^Deployment web in namespace ${ns.name}: opted in\n[^]*\nConfigMap/web \\(nginx.conf\\) .* reloaded `,
      ),
    )
    expect(stdout).toMatch(/\nConfigMap\/frozen .* rolled out /)
    expect(code).toBe(0)
  })

  test('of a Pod describes the workload that owns it', async () => {
    const { metadata } = await podOf('web')
    const { stdout } = await hotreload([
      'explain',
      `pod/${metadata?.name}`,
      `--namespace=${ns.name}`,
      '-o',
      'json',
    ])
    expect(JSON.parse(stdout)).toMatchObject({
      items: [{ object: { kind: 'Deployment', name: 'web' }, optedIn: true }],
    })
  })

  test('of an opted-in workload in a namespace without the label ends with exit code 1', async () => {
    const unlabelled = await hook.namespace({})
    await unlabelled.apply(deployment('api'))
    const { code, stdout } = await hotreload(['explain', 'deployment/api', '-n', unlabelled.name])
    expect(stdout).toContain(`kubectl label namespace ${unlabelled.name} hotreload.dev/injection=enabled`)
    expect(stdout).toContain('ConfigMap conf is not there, and Pods wait for it')
    expect(code).toBe(1)
  })

  test('of a missing object ends with exit code 2', async () => {
    const { code, stderr } = await hotreload(['explain', 'sts/none', '-n', ns.name])
    expect(stderr).toMatch(
      /^hotreload: get StatefulSet none in namespace .*: it does not exist; .*\[HR_NO_OBJECT\]\n$/,
    )
    expect(code).toBe(2)
  })

  test('merges several kubeconfigs and takes the namespace from the context', async () => {
    await kubectl([
      'create',
      'clusterrolebinding',
      ns.name,
      '--clusterrole=view',
      `--serviceaccount=${ns.name}:default`,
    ])
    const second = await kubeconfigOf('default', (config) => ({
      ...config,
      contexts: config.contexts.map(({ context }) => ({
        name: 'mine',
        context: { ...context, user: 'me', namespace: ns.name },
      })),
      users: config.users.map((user) => ({ ...Object(user), name: 'me' })),
    }))
    const both = [cluster().kubeconfig, join(directory, 'missing'), second].join(delimiter)
    const { code, stdout, stderr } = await hotreload(['explain', 'deployment/web', '--context=mine'], both)
    await kubectl(['delete', 'clusterrolebinding', ns.name])
    expect(stderr).toBe('')
    expect(stdout).toContain(`Deployment web in namespace ${ns.name}`)
    expect(code).toBe(0)
    const wrong = await hotreload(['explain', 'deployment/web', '--context=yours'], both)
    expect(wrong.stderr).toMatch(/has no context yours, but .*mine.*\[HR_BAD_KUBECONFIG\]/)
    expect(wrong.code).toBe(2)
  })
})

describe('doctor', () => {
  const findings = async (where: Namespace, kubeconfig?: string) => {
    const { code, stdout, stderr } = await hotreload(['doctor', '-n', where.name, '-o', 'json'], kubeconfig)
    expect(stderr).toBe('')
    const all: { check: string; result: string; text: string }[] = JSON.parse(stdout).items
    return { code, all, of: (check: string) => all.filter((one) => one.check === check) }
  }

  test('finds a workload that the webhook missed, then the Pod without an agent', async () => {
    const late = await namespace()
    await late.apply([configMap('web', { 'nginx.conf': '' }), nginx('dead', {})])
    const secret = { name: 'api', image: 'nginx:1.27', envFrom: [{ secretRef: { name: 'db' } }] }
    const opted = nginx('early')
    await late.apply({
      ...opted,
      spec: {
        ...opted.spec,
        template: {
          metadata: { labels: { app: 'early' }, annotations: IN },
          spec: { ...opted.spec.template.spec, containers: [...opted.spec.template.spec.containers, secret] },
        },
      },
    })
    await until('its Pod', async () => (await late.list<V1Pod>('pods', 'app=early'))[0])
    const before = await findings(late)
    expect(before.of('namespaces')).toMatchObject([
      { result: 'problem', text: expect.stringContaining('Deployment early') },
    ])
    expect(before.of('subpaths')).toMatchObject([
      { result: 'warning', text: expect.stringContaining('1 subPath mount ') },
    ])
    expect(before.code).toBe(1)

    await kubectl(['label', 'namespace', late.name, 'hotreload.dev/injection=enabled'])
    await late.kubectl(['apply', '-k', join(import.meta.dirname, '../../deploy/secrets')])
    const after = await findings(late)
    expect(after.of('namespaces')).toMatchObject([{ result: 'ok' }])
    expect(after.of('pods')).toMatchObject([
      { result: 'problem', text: expect.stringMatching(/early-.*has no agent/) },
    ])
    expect(after.of('secrets')).toMatchObject([{ result: 'ok', text: expect.stringContaining('Secret db') }])
    expect(after.of('api-server')).toMatchObject([{ result: 'ok' }])
    expect(after.of('permissions').length).toBe(after.of('replicas').length)
  })

  test('names the annotation that helps where a LimitRange refuses the agent', async () => {
    const limited = await hook.namespace()
    const limits = [{ type: 'Container', min: { cpu: '10m' }, defaultRequest: { cpu: '20m' } }]
    await limited.apply({
      apiVersion: 'v1',
      kind: 'LimitRange',
      metadata: { name: 'least' },
      spec: { limits },
    })
    await limited.apply(nginx('web'))
    await until('the refusal', async () => {
      const [found] = await limited.list<V1Deployment>('deployments.apps')
      return found?.status?.conditions?.some(({ type }) => type === 'ReplicaFailure')
    })
    const { code, of } = await findings(limited)
    expect(of('pods')).toMatchObject([
      {
        result: 'problem',
        text: expect.stringMatching(
          /Deployment web .* can't create its Pods: .*request is 1m.*hotreload\.dev\/resources/,
        ),
      },
    ])
    expect(code).toBe(1)
  })

  test('names each right that the user lacks, and ends with exit code 2', async () => {
    await ns.kubectl(['create', 'serviceaccount', 'nobody'])
    const { code, all } = await findings(ns, await kubeconfigOf('nobody'))
    expect(new Set(all.map(({ result }) => result))).toEqual(new Set(['ok', 'unknown']))
    const texts = all.map(({ text }) => text).join('\n')
    for (const right of ['get mutatingwebhookconfigurations/hotreload', 'list nodes', 'list cronjobs'])
      expect(texts).toContain(`you may not ${right}`)
    expect(code).toBe(2)
  })
})

describe('status', () => {
  /** The API server's proxy connects to no loopback address. */
  const address = Object.values(networkInterfaces())
    .flatMap((one) => one ?? [])
    .find(({ family, internal }) => family === 'IPv4' && !internal)?.address

  const running = (pod: V1Pod, podIP?: string) =>
    ns.kubectl([
      'patch',
      'pod',
      pod.metadata?.name ?? '',
      '--subresource=status',
      `--patch=${JSON.stringify({ status: { phase: 'Running', ...(podIP ? { podIP, podIPs: [{ ip: podIP }] } : {}) } })}`,
    ])
  const rows = async () => {
    const { code, stdout } = await hotreload(['status', '-n', ns.name, '-o', 'json'])
    return { code, rows: JSON.parse(stdout).items }
  }

  test('with --watch answers again when something has changed', async () => {
    const watched = await hook.namespace()
    await watched.apply(nginx('web'))
    const pod = await until('its Pod', async () => (await watched.list<V1Pod>('pods', 'app=web'))[0])
    const argv = [MAIN, 'status', '--watch', '-l', 'app=web', '-n', watched.name]
    const child = spawn(process.execPath, argv, { env: environment(cluster().kubeconfig) })
    onTestFinished(() => void child.kill())
    let out = ''
    child.stdout.on('data', (text: Buffer) => (out += text.toString()))
    await until('the first answer', () => /^web-\S+ +pending/m.test(out))
    const status = JSON.stringify({ status: { phase: 'Succeeded' } })
    await watched.kubectl([
      'patch',
      'pod',
      pod.metadata?.name ?? '',
      '--subresource=status',
      `--patch=${status}`,
    ])
    await until('the next one', () => /\n\nPOD [^]*^web-\S+ +succeeded/m.test(out))
  })

  test('shows a Pod first as pending, then as unreachable, without an error', async () => {
    await ns.apply(nginx('web'))
    const pod = await podOf('web')
    expect((await rows()).rows).toMatchObject([{ pod: pod.metadata?.name, state: 'pending' }])
    await running(pod)
    const unreachable = await rows()
    expect(unreachable.rows).toMatchObject([
      { pod: pod.metadata?.name, container: 'web', state: 'unreachable' },
    ])
    expect(unreachable.code).toBe(0)
  })

  test('shows that a Pod has no gate, because the webhook was away when it was made', async () => {
    const away = await namespace()
    const annotations = { ...IN, 'hotreload.dev/gate': 'strict', 'hotreload.dev/validate': 'nginx -t' }
    const { spec, ...web } = nginx('web')
    const template = { ...spec.template, metadata: { ...spec.template.metadata, annotations } }
    await away.apply({ ...web, spec: { ...spec, template } })
    await until('its Pod', async () => (await away.list<V1Pod>('pods', 'app=web'))[0])
    const { code, stdout } = await hotreload(['status', '-n', away.name])
    expect([code, stdout]).toEqual([1, expect.stringContaining('not gated')])
  })

  test('shows an agent’s report, read through the API server', async () => {
    expect(address).toBeDefined()
    let report: object = {
      state: 'loaded',
      reload: 'signal',
      volumes: [{ name: 'conf', current: true, sha256: 'ab' }],
    }
    const agent = createServer((_, response) => response.end(JSON.stringify(report)))
    await new Promise<void>((resolve, reject) => {
      agent.once('error', reject).listen(FIRST_PORT, address, resolve)
    })
    try {
      await running(await podOf('web'), address)
      expect(await rows()).toMatchObject({
        code: 0,
        rows: [{ state: 'loaded', reload: 'signal', volumes: [{ sha256: 'ab' }] }],
      })
      report = {
        state: 'refused',
        error: { code: 'HR_SIGNAL_REFUSED', message: 'SIGHUP not sent' },
        volumes: [],
      }
      expect(await rows()).toMatchObject({ code: 1, rows: [{ note: 'SIGHUP not sent [HR_SIGNAL_REFUSED]' }] })
    } finally {
      agent.closeAllConnections()
      agent.close()
    }
  })

  test('names the right to list Pods if the user lacks it, and ends with exit code 2', async () => {
    await ns.kubectl(['create', 'serviceaccount', 'stranger'])
    const { code, stderr } = await hotreload(['status', '-n', ns.name], await kubeconfigOf('stranger'))
    expect(stderr).toContain(`you may not list pods in namespace ${ns.name}`)
    expect(code).toBe(2)
  })
})

describe('without a cluster', () => {
  test.each([['explain', 'deployment/web'], ['doctor'], ['status']])(
    '%s names the server that does not answer, and ends with exit code 2',
    async (...argv) => {
      const nowhere = await kubeconfigOf('default', (config) => ({
        ...config,
        clusters: config.clusters.map((one) => ({
          ...one,
          cluster: { ...one.cluster, server: 'https://127.0.0.1:1' },
        })),
      }))
      const { code, stdout, stderr } = await hotreload(argv, nowhere)
      expect(stdout).toBe('')
      expect(stderr).toMatch(
        /^hotreload: the API server does not answer GET .*: ECONNREFUSED; .*\[HR_UNREACHABLE\]\n$/,
      )
      expect(code).toBe(2)
    },
  )
})
