// `make demo`: shows an injected manifest, then a reload on a real node: install, label, apply, edit. It uses the cluster of KUBECONFIG if
// that is set, else a temporary node.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { injectManifests } from '../../src/cli/inject.ts'
import { builtInDefaults } from '../../src/policy/defaults.ts'
import { AGENT_IMAGE, VERSION } from '../../src/version.ts'
import { acquire } from '../cluster/cluster.ts'
import { bringImages } from '../cluster/images.ts'
import { attempt, run } from '../cluster/run.ts'
import { until } from '../support/until.ts'

const NAMESPACE = 'hotreload-demo'
const started = Date.now()
const heading = (text: string): void => console.log(`\n\u001b[1m== ${text}\u001b[0m`)
const say = (text: string): void =>
  console.log(`[${((Date.now() - started) / 1000).toFixed(0).padStart(4)} s] ${text}`)
const manifest = readFileSync(join(import.meta.dirname, 'web.yaml'), 'utf8')

/** Needs neither cargo nor a cluster. */
async function showManifest(): Promise<void> {
  heading('A manifest: nginx, with one file of a ConfigMap mounted by subPath')
  console.log(manifest)
  heading(
    'What its Pods become, as a diff (hotreload inject --inject-all -f web.yaml); on a cluster the manifest stays as it is',
  )
  const options = { agentImage: AGENT_IMAGE, version: VERSION, defaults: builtInDefaults, injectAll: true }
  const directory = mkdtempSync(join(tmpdir(), 'hotreload-demo-'))
  try {
    const [before, after] = [join(directory, 'before.yaml'), join(directory, 'after.yaml')]
    writeFileSync(before, manifest)
    writeFileSync(after, injectManifests(manifest, 'web.yaml', options).manifests)
    const { stdout } = await attempt([
      'git',
      'diff',
      '--no-index',
      '--no-color',
      '--unified=3',
      before,
      after,
    ])
    console.log(stdout.replaceAll(/^(diff|index|---|\+\+\+) .*\n/gm, ''))
  } finally {
    rmSync(directory, { recursive: true })
  }
}

async function showNode(): Promise<void> {
  heading('A real node (the first run builds Kubernetes: about 8 minutes)')
  const { cluster, stop } = await acquire({ node: true, say })
  try {
    await bringImages(cluster, ['nginx', 'hotreload', 'hotreload-agent'], say)
    await showReload((...argv) =>
      run([cluster.kubectl, ...argv], { env: { ...process.env, KUBECONFIG: cluster.kubeconfig } }),
    )
  } finally {
    await stop()
  }
}

type Kubectl = (...argv: string[]) => Promise<string>

async function showReload(kubectl: Kubectl): Promise<void> {
  const shown: Kubectl = async (...argv) => {
    console.log(`$ kubectl ${argv.join(' ')}`)
    const output = await kubectl(...argv)
    if (output.trim()) console.log(output.trim().replaceAll(/^/gm, '  '))
    return output
  }
  const shop: Kubectl = (...argv) => shown('--namespace', NAMESPACE, ...argv)
  const quietly: Kubectl = (...argv) => kubectl('--namespace', NAMESPACE, ...argv)
  const directory = mkdtempSync(join(tmpdir(), 'hotreload-demo-'))
  const site = (text: string): string => {
    const path = join(directory, 'site.conf')
    // The alias is a few kB, sent slowly: a response that outlasts the reload.
    writeFileSync(
      path,
      `server {\n  listen 8080;\n  location / { return 200 "${text}\\n"; }\n  location /slow { limit_rate 400; alias /etc/nginx/mime.types; }\n}\n`,
    )
    return path
  }
  try {
    heading('Install, once')
    await shown('apply', '-k', join(import.meta.dirname, '../../deploy'))
    for (const name of ['hotreload', 'hotreload-controller'])
      await shown(
        '--namespace',
        'hotreload-system',
        'rollout',
        'status',
        `deployment/${name}`,
        '--timeout=180s',
      )

    heading('Label a namespace, apply your manifest, annotate')
    await shown('create', 'namespace', NAMESPACE)
    await shown('label', 'namespace', NAMESPACE, 'hotreload.dev/injection=enabled')
    await shop('create', 'configmap', 'site', `--from-file=${site('one')}`)
    await shop('apply', '-f', join(import.meta.dirname, 'web.yaml'))
    await shop('annotate', 'deployment', 'web', 'hotreload.dev/inject=true')
    await shop('rollout', 'status', 'deployment/web', '--timeout=180s')
    await shop('apply', '-f', join(import.meta.dirname, 'web.yaml'))
    const pod = await injectedPod(quietly)
    const url = `http://${(await quietly('get', 'pod', pod, '--output=jsonpath={.status.podIP}')).trim()}:8080`
    await until('nginx serves "one"', async () => (await body(url)) === 'one\n')

    heading('Edit the ConfigMap')
    const before = await identity(quietly, pod)
    const slow = download(`${url}/slow`)
    await slow.begun
    say('a slow download has begun')
    const edited = await quietly(
      'create',
      'configmap',
      'site',
      `--from-file=${site('two')}`,
      '--dry-run=client',
      '--output=yaml',
    )
    const path = join(directory, 'edited.yaml')
    writeFileSync(path, edited)
    const start = Date.now()
    await shop('replace', '-f', path)
    await until('nginx serves "two"', async () => (await body(url)) === 'two\n', 120_000, 20)
    say(`nginx serves the new configuration ${((Date.now() - start) / 1000).toFixed(2)} s after the edit`)

    heading('What stayed')
    const after = await identity(quietly, pod)
    for (const [name, value] of Object.entries(before)) {
      console.log(`  ${name}: ${value} before, ${after[name]} after`)
      if (after[name] !== value) throw new Error(`${name} changed, but should not`)
    }
    const length = await slow.length
    const size = Number(
      await quietly('exec', pod, '--container=web', '--', 'stat', '-c', '%s', '/etc/nginx/mime.types'),
    )
    if (length !== size) throw new Error(`the download that was running got ${length} of ${size} bytes`)
    console.log(`  the download that was running: ${length} of ${size} bytes, on the connection from before`)
    console.log(`\nDone in ${((Date.now() - started) / 1000).toFixed(0)} s.`)
  } finally {
    rmSync(directory, { recursive: true })
    await kubectl('delete', 'namespace', NAMESPACE, '--ignore-not-found', '--wait=false')
    await kubectl(
      'delete',
      '-k',
      join(import.meta.dirname, '../../deploy'),
      '--ignore-not-found',
      '--wait=false',
    )
  }
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

const body = async (url: string): Promise<string> =>
  (await fetch(url, { headers: { connection: 'close' }, signal: AbortSignal.timeout(2000) })).text()

function download(url: string): { begun: Promise<void>; length: Promise<number> } {
  const begun = Promise.withResolvers<void>()
  const length = Promise.withResolvers<number>()
  get(url, (response) => {
    let received = 0
    response.on('data', (part: Buffer) => {
      received += part.length
      begun.resolve()
    })
    response.on('close', () => length.resolve(received))
  }).on('error', begun.reject)
  return { begun: begun.promise, length: length.promise }
}

await showManifest()
await showNode()
process.exit(0) // the pipe to the cluster's keeper would keep this process alive
