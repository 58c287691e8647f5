// Objects that are made to stop hotreload, stored where nobody asked for it: those of the others are rolled out, and the probes answer.
import type { V1Deployment } from '@kubernetes/client-node'
import { afterEach, expect, test } from 'vitest'
import { configMap, deployment } from '../support/controller.ts'
import { type Namespace, namespace, until } from '../support/kube.ts'
import { type Serve, startServe } from '../support/serve.ts'

const WORKLOADS = 10
/** Milliseconds: the kubelet's probes wait as long. */
const PROBE = 5_000

const LIST = 'configmap.reloader.stakater.com/reload'
const many = (count: number, item: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => item(index)).join()

const annotated: Record<string, Record<string, string>> = {
  'nested-choices': { [LIST]: `${'(a|a)?'.repeat(20)}b` },
  'optional-letters': { [LIST]: `${'a?'.repeat(100)}b` },
  'many-patterns': { [LIST]: many(2_000, (index) => `.*.*.*z${index}`) },
  'slow-patterns': { [LIST]: many(50, (index) => `b${'(.*a)'.repeat(40)}${index}`) },
  mistakes: { [LIST]: many(30_000, (index) => `(${index}`) },
  'pause-period': {
    'reloader.stakater.com/auto': 'true',
    'deployment.reloader.stakater.com/pause-period': '1'.repeat(250_000),
  },
  'made-up-names': {
    'hotreload.dev/inject': 'true',
    'hotreload.dev/container': many(30_000, (index) => `c${index}`),
  },
  'foreign-namespaces': {
    'wave.pusher.com/update-on-config-change': 'true',
    'wave.pusher.com/extra-secrets': many(20_000, (index) => `n${index}/s`),
  },
}

const signal = { 'hotreload.dev/inject': 'true', 'hotreload.dev/signal': 'SIGHUP' }

/** With its program's signal, and what a test puts into its container. */
function withContainer(name: string, container: object, volumes: object[] = []) {
  const one = deployment(name, { metadata: signal, env: [] })
  Object.assign(one.spec.template.spec.containers[0] ?? {}, container)
  Object.assign(one.spec.template.spec, { volumes })
  return one
}

const nastyObjects = () => [
  ...Object.entries(annotated).map(([name, metadata]) => deployment(name, { metadata })),
  withContainer('kill-probe', { livenessProbe: { exec: { command: ['sh', '-c', 'kill '.repeat(20_000)] } } }),
  withContainer(
    'sub-paths',
    {
      volumeMounts: Array.from({ length: 5_000 }, (_, index) => ({
        name: 'v',
        mountPath: `/m/${index}`,
        subPath: `k${index}`,
      })),
    },
    [{ name: 'v', configMap: { name: 'conf' } }],
  ),
  ...['a'.repeat(20), ...Array.from({ length: 50 }, (_, index) => `b${'a'.repeat(250)}${10 + index}`)].map(
    (name) => configMap(name, { a: '1' }),
  ),
]

const replicas: Serve[] = []
afterEach(() => Promise.all(replicas.splice(0).map((one) => one.stop())))

interface Probed extends Serve {
  /** The longest time between two answers of /healthz so far, in milliseconds. */
  longestSilence: () => number
}

async function startProbed(own: Namespace): Promise<Probed> {
  const serve = await startServe(own, ['--only=controller'])
  const port = await until('it listens', () => /"metricsPort":(\d+)/.exec(serve.log())?.[1])
  let answeredAt = Date.now()
  let longest = 0
  const timer = setInterval(() => {
    longest = Math.max(longest, Date.now() - answeredAt)
    void fetch(`http://127.0.0.1:${port}/healthz`, { signal: AbortSignal.timeout(PROBE) }).then(
      ({ ok }) => {
        if (ok) answeredAt = Date.now()
      },
      () => {},
    )
  }, 200)
  const probed = {
    ...serve,
    longestSilence: () => longest,
    async stop() {
      clearInterval(timer)
      await serve.stop()
    },
  }
  replicas.push(probed)
  return probed
}

/** Edits the ConfigMap of all ordinary workloads, and waits until each has a rollout of the controller's. */
async function expectRollouts(ns: Namespace, value: string, generation: number): Promise<void> {
  await ns.apply(configMap('conf', { a: value }))
  await until('all ordinary workloads have rolled out', async () => {
    const all = await ns.list<V1Deployment>('deployments')
    return all.every(({ metadata }) => metadata?.generation === generation)
  })
}

test('with nasty objects stored the ordinary ones are rolled out, and the probes answer, after a restart too', async () => {
  const [own, nasty, ns] = await Promise.all([
    namespace(),
    namespace(),
    namespace({ 'hotreload.dev/injection': 'enabled' }),
  ])
  const ordinary = Array.from({ length: WORKLOADS }, (_, index) => deployment(`web-${index}`))
  await ns.apply([configMap('conf', { a: '1' }), ...ordinary])
  // They are there before the first process starts, and more of them come while it runs.
  const objects = nastyObjects()
  await nasty.apply(objects.slice(0, 5), '--server-side')

  const first = await startProbed(own)
  await until('it leads', () => first.logged('leading').length > 0)
  await nasty.apply(objects.slice(5), '--server-side')
  // The baselines must be recorded before the edit.
  await new Promise((resolve) => setTimeout(resolve, 5_000))
  await expectRollouts(ns, '2', 2)
  await first.stop()
  replicas.length = 0
  expect(first.longestSilence()).toBeLessThan(PROBE)

  const second = await startProbed(own)
  await until('it leads', () => second.logged('leading').length > 0)
  await expectRollouts(ns, '3', 3)
  expect(second.longestSilence()).toBeLessThan(PROBE)
})
