// The commands of docs/install.md, "Removal", run as they stand there: nothing of an install remains.
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { V1Deployment, V1Namespace } from '@kubernetes/client-node'
import { expect, test } from 'vitest'
import { attempt } from '../cluster/run.ts'
import { namespace } from '../support/kube.ts'
import { cluster, kubectl } from '../support/kubectl.ts'
import { deployment } from '../support/reload-manifests.ts'

const root = join(import.meta.dirname, '../..')

/** The first shell block of the chapter. */
function removal(): string {
  const page = readFileSync(join(root, 'docs/install.md'), 'utf8')
  const [, block] = /^## Removal\n[\s\S]*?^```sh\n([\s\S]*?)^```$/m.exec(page) ?? []
  if (!block) throw new Error('docs/install.md has no commands for the removal')
  return block
}

/** Names of objects of ours that belong to no namespace, and of the install's own namespace. */
async function ownObjects(): Promise<string[]> {
  const kinds = [
    'namespaces',
    'clusterroles',
    'clusterrolebindings',
    'mutatingwebhookconfigurations',
    'validatingadmissionpolicies',
    'validatingadmissionpolicybindings',
    'priorityclasses',
  ]
  const listed = await kubectl(['get', kinds.join(','), '--output=name'])
  return listed.split('\n').filter((name) => name.includes('hotreload'))
}

test('the removal of docs/install.md leaves nothing', async () => {
  // Other tests put objects of their own there, under the names of an install.
  await kubectl(['delete', 'namespace', 'hotreload-system', '--ignore-not-found', '--timeout=100s'])
  const ns = await namespace({ 'hotreload.dev/injection': 'enabled' })
  for (const directory of ['deploy', 'deploy/secrets/cluster', 'deploy/evict'])
    await kubectl(['apply', '--server-side', '--force-conflicts', '-k', join(root, directory)])
  await kubectl(['apply', '--namespace', ns.name, '-k', join(root, 'deploy/secrets')])
  expect((await ownObjects()).length).toBeGreaterThan(10)
  const workload = deployment({ image: 'nginx' }, [], { replicas: 0 })
  await ns.apply({
    ...workload,
    metadata: {
      name: 'web',
      annotations: { 'hotreload.dev/inject': 'true', 'hotreload.dev/checksum': 'v1:x', own: 'stays' },
    },
  })

  const { kubectl: program, kubeconfig } = cluster()
  const env = { ...process.env, KUBECONFIG: kubeconfig, PATH: `${dirname(program)}:${process.env['PATH']}` }
  const { code, stderr } = await attempt(['bash', '-c', `cd ${root}\n${removal()}`], { env })

  expect(code, stderr).toBe(0)
  expect(await ownObjects()).toEqual([])
  const { metadata } = await ns.get<V1Deployment>('deployment', 'web')
  const own = Object.keys(metadata?.annotations ?? {}).filter((key) => key.startsWith('hotreload.dev/'))
  expect(own).toEqual([])
  expect(metadata?.annotations).toMatchObject({ own: 'stays' })
  expect(await ns.kubectl(['get', 'roles,rolebindings', '--output=name'])).toBe('')
  const { metadata: labelled } = JSON.parse(
    await kubectl(['get', 'namespace', ns.name, '--output=json']),
  ) as V1Namespace
  expect(labelled?.labels).not.toHaveProperty('hotreload.dev/injection')
})
