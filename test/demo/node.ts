// The last part of the demo: label, apply, edit, reloaded, on a real node.
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { acquire } from '../cluster/cluster.ts'
import { bringImages } from '../cluster/images.ts'
import { repository } from '../cluster/paths.ts'
import { run } from '../cluster/run.ts'
import { until } from '../support/until.ts'
import { isKindHere, startKind } from './kind.ts'
import { MANIFEST } from './manifest.ts'
import { heading, say } from './screen.ts'
import { atEnd } from './undo.ts'

const NAMESPACE = 'hotreload-demo'

/** A cluster with the images, and how to stop it. */
export interface DemoCluster {
  kubectl: string
  kubeconfig: string
  stop: () => Promise<void>
}

/** The cluster of KUBECONFIG if that is set, else one of kind, else a node of this machine. */
export async function startDemoCluster(): Promise<DemoCluster> {
  if (!process.env['KUBECONFIG'] && (await isKindHere()))
    return { kubectl: 'kubectl', kubeconfig: await startKind(say), stop: async () => undefined }
  const { cluster, stop } = await acquire({ node: true, say })
  await bringImages(cluster, ['nginx', 'hotreload', 'hotreload-agent'], say)
  const { kubectl, kubeconfig } = cluster
  if (!cluster.own) atEnd(() => removeFrom(kubectl, kubeconfig))
  return { kubectl, kubeconfig, stop }
}

/** From a cluster that goes on. */
function removeFrom(kubectl: string, kubeconfig: string): void {
  const flags = ['--ignore-not-found', '--wait=false', `--kubeconfig=${kubeconfig}`]
  spawnSync(kubectl, ['delete', 'namespace', NAMESPACE, ...flags])
  spawnSync(kubectl, ['delete', '-k', join(repository, 'deploy'), ...flags])
}

type Kubectl = (...argv: string[]) => Promise<string>

export async function showNode({ kubectl: program, kubeconfig }: DemoCluster): Promise<void> {
  const kubectl: Kubectl = (...argv) => run([program, `--kubeconfig=${kubeconfig}`, ...argv])
  const shown: Kubectl = async (...argv) => {
    console.log(`$ kubectl ${argv.join(' ')}`)
    const output = await kubectl(...argv)
    if (output.trim()) console.log(output.trim().replaceAll(/^/gm, '  '))
    return output
  }
  const shop: Kubectl = (...argv) => shown('--namespace', NAMESPACE, ...argv)
  const quietly: Kubectl = (...argv) => kubectl('--namespace', NAMESPACE, ...argv)
  const directory = mkdtempSync(join(tmpdir(), 'hotreload-demo-'))
  atEnd(() => rmSync(directory, { recursive: true }))
  const site = (text: string): string => {
    const path = join(directory, 'site.conf')
    // The alias is a few kB, sent slowly: a response that outlasts the reload.
    writeFileSync(
      path,
      `server {\n  listen 8080;\n  location / { return 200 "${text}\\n"; }\n  location /slow { limit_rate 400; alias /etc/nginx/mime.types; }\n}\n`,
    )
    return path
  }

  heading('A real node: install, once')
  await shown('apply', '-k', join(repository, 'deploy'))
  const system = ['--namespace', 'hotreload-system', 'rollout', 'status', '--timeout=180s']
  for (const name of ['hotreload', 'hotreload-controller']) await shown(...system, `deployment/${name}`)

  heading('Label a namespace, apply your manifest, annotate')
  await shown('create', 'namespace', NAMESPACE)
  await shown('label', 'namespace', NAMESPACE, 'hotreload.dev/injection=enabled')
  await shop('create', 'configmap', 'site', `--from-file=${site('one')}`)
  await shop('apply', '-f', MANIFEST)
  await shop('annotate', 'deployment', 'web', 'hotreload.dev/inject=true')
  await shop('rollout', 'status', 'deployment/web', '--timeout=180s')
  await shop('apply', '-f', MANIFEST)
  const pod = await injectedPod(quietly)
  // Through the API server: not every cluster's Pods can be reached by their addresses.
  const path = `/api/v1/namespaces/${NAMESPACE}/pods/${pod}:8080/proxy`
  const serves = (text: string, timeoutMs: number) =>
    until(
      `nginx serves "${text}"`,
      async () => (await kubectl('get', '--raw', `${path}/`)) === `${text}\n`,
      timeoutMs,
      20,
    )
  await serves('one', 60_000)

  heading('Edit the ConfigMap')
  const before = await identity(quietly, pod)
  const slow = download([program, `--kubeconfig=${kubeconfig}`, 'get', '--raw', `${path}/slow`])
  await slow.begun
  say('a slow download has begun')
  const dryRun = ['--dry-run=client', '--output=yaml']
  const edited = join(directory, 'edited.yaml')
  writeFileSync(edited, await quietly('create', 'configmap', 'site', `--from-file=${site('two')}`, ...dryRun))
  const start = Date.now()
  await shop('replace', '-f', edited)
  await serves('two', 120_000)
  say(`nginx serves the new configuration ${((Date.now() - start) / 1000).toFixed(2)} s after the edit`)

  heading('What stayed')
  const after = await identity(quietly, pod)
  for (const [name, value] of Object.entries(before)) {
    console.log(`  ${name}: ${value} before, ${after[name]} after`)
    if (after[name] !== value) throw new Error(`${name} changed, but should not`)
  }
  const stat = ['exec', pod, '--container=web', '--', 'stat', '-c', '%s', '/etc/nginx/mime.types']
  const [length, size] = [await slow.length, Number(await quietly(...stat))]
  if (length !== size) throw new Error(`the download that was running got ${length} of ${size} bytes`)
  console.log(`  the download that was running: ${length} of ${size} bytes, on the connection from before`)
}

/** Waits until the Deployment's only Pod is the injected one, and returns its name. */
const injectedPod = (kubectl: Kubectl): Promise<string> =>
  until('the injected Pod is the only one', async () => {
    const { items } = JSON.parse(await kubectl('get', 'pods', '--selector=app=web', '--output=json'))
    const [pod, ...others] = items
    const isInjected = pod?.spec.initContainers?.some(
      ({ name }: { name: string }) => name === 'hotreload-agent',
    )
    return others.length === 0 && isInjected && pod.metadata.name
  })

/** The values that a restart would change. */
async function identity(kubectl: Kubectl, pod: string): Promise<Record<string, string>> {
  const field = (path: string) => kubectl('get', 'pod', pod, `--output=jsonpath=${path}`)
  return {
    Pod: `${pod} (${await field('{.metadata.uid}')})`,
    'restarts of its containers': await field('{.status.containerStatuses[*].restartCount}'),
    "nginx's master process": (
      await kubectl('exec', pod, '--container=web', '--', 'cat', '/run/nginx.pid')
    ).trim(),
  }
}

function download([program = '', ...argv]: readonly string[]): {
  begun: Promise<void>
  length: Promise<number>
} {
  const begun = Promise.withResolvers<void>()
  const length = Promise.withResolvers<number>()
  let received = 0
  const child = spawn(program, argv, { stdio: ['ignore', 'pipe', 'inherit'] })
  child.stdout.on('data', (part: Buffer) => {
    received += part.length
    begun.resolve()
  })
  child.on('close', () => {
    begun.reject(new Error('the slow download ended without a byte'))
    length.resolve(received)
  })
  return { begun: begun.promise, length: length.promise }
}
