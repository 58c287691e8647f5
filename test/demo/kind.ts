// The demo's cluster where kind (kind.sigs.k8s.io) and Docker are there: nothing is built but the images, and no root is needed.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ImageName, imageReference } from '../cluster/images.ts'
import { repository } from '../cluster/paths.ts'
import { attempt, run } from '../cluster/run.ts'
import { atEnd } from './undo.ts'

const NAME = 'hotreload-demo'

/** Whether these programs are in PATH, and Docker's daemon answers. */
export async function isKindHere(): Promise<boolean> {
  const calls = [
    ['kind', 'version'],
    ['kubectl', 'version', '--client'],
    ['docker', 'info'],
  ]
  const answers = await Promise.all(calls.map((argv) => attempt(argv).catch(() => ({ code: null }))))
  return answers.every(({ code }) => code === 0)
}

/**
 * Creates a cluster, of the node image in NODE_IMAGE if that is set, with our images and an nginx.
 * @returns its kubeconfig
 */
export async function startKind(say: (line: string) => void): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'hotreload-kind-'))
  const kubeconfig = join(directory, 'kubeconfig')
  atEnd(() => {
    spawnSync('kind', ['delete', 'cluster', '--name', NAME, '--kubeconfig', kubeconfig])
    rmSync(directory, { recursive: true })
  })
  const image = process.env['NODE_IMAGE'] ? ['--image', process.env['NODE_IMAGE']] : []
  say('creating a kind cluster')
  const flags = ['--name', NAME, '--kubeconfig', kubeconfig, '--wait', '3m', ...image]
  await run(['kind', 'create', 'cluster', ...flags])
  for (const target of ['hotreload', 'hotreload-agent'] as const)
    await load(target, ['--target', target, repository], say)
  await load('nginx', ['-'], say, 'FROM docker.io/library/nginx:1\n')
  return kubeconfig
}

async function load(
  name: ImageName,
  build: readonly string[],
  say: (line: string) => void,
  input = '',
): Promise<void> {
  say(`building image ${name}`)
  // With attestations it would be an index, which `kind load` refuses.
  const env = { ...process.env, BUILDX_NO_DEFAULT_ATTESTATIONS: '1' }
  const tag = imageReference(name)
  await run(['docker', 'build', '--quiet', '--tag', tag, ...build], { env, input, timeoutMs: 1_800_000 })
  await run(['kind', 'load', 'docker-image', '--name', NAME, tag])
}
