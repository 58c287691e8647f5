// cert-manager's CRDs, from its Go module (test/deploy/cert-manager/go.mod says which version).
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { run } from '../cluster/run.ts'
import { kubectl, tryKubectl } from './kubectl.ts'
import { until } from './until.ts'

const directory = join(import.meta.dirname, '../deploy/cert-manager')

/** Puts cert-manager's CRDs in the cluster until the test ends; a cluster that has some keeps its own. */
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
  // Some are larger than the annotation of a client-side apply may be.
  await kubectl(['apply', '--server-side', ...files])
  // Not kubectl wait alone: a CRD has no conditions at all in its first moment, which it takes for an error.
  const wait = ['wait', '--for=condition=Established', 'crd', ...crds]
  await until('cert-manager’s CRDs are established', async () => (await tryKubectl(wait)).code === 0)
}
