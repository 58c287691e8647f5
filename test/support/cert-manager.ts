// cert-manager's CRDs, from its Go module (test/deploy/cert-manager/go.mod says which version).
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { run } from '../cluster/run.ts'
import { kubectl, tryKubectl } from './kubectl.ts'
import { until } from './until.ts'

const directory = join(import.meta.dirname, '../deploy/cert-manager')

/** Installs cert-manager's CRDs until the test ends. A cluster that has them keeps its own. */
export async function installCertManagerCrds(): Promise<void> {
  const crds = ['certificates.cert-manager.io', 'issuers.cert-manager.io']
  if ((await tryKubectl(['get', 'crd', ...crds])).code === 0) return
  const downloaded = await run([
    'go',
    '-C',
    directory,
    'mod',
    'download',
    '-json',
    'github.com/cert-manager/cert-manager',
  ])
  const { Dir }: { Dir: string } = JSON.parse(downloaded)
  const files = ['--filename', join(Dir, 'deploy/crds')]
  onTestFinished(async () => {
    await tryKubectl(['delete', '--ignore-not-found', '--wait=false', ...files])
  })
  // Some are too large for the annotation of a client-side apply.
  await kubectl(['apply', '--server-side', ...files])
  // Repeated, because kubectl wait fails on a new CRD, which has no conditions yet.
  const wait = ['wait', '--for=condition=Established', 'crd', ...crds]
  await until('cert-manager’s CRDs are established', async () => (await tryKubectl(wait)).code === 0)
}
