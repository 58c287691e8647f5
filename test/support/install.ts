/** hotreload installed in the cluster as users install it, for one test file: its entries see this file's namespaces only, so that other tests on the node are left alone. */
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { type Namespace, namespace, until } from './kube.ts'
import { kubectl, manifest, tryKubectl } from './kubectl.ts'

export const SYSTEM = 'hotreload-system'
/** kubectl's flags. */
export const system = ['--namespace', SYSTEM]
export const DEPLOYMENTS = ['hotreload', 'hotreload-controller']

const LABEL = 'hotreload.dev/test-install'
const id = crypto.randomUUID().slice(0, 8)

let isOurs = false
/** Call it before the first apply: this file then removes the install when it ends. */
export async function expectNoInstall(): Promise<void> {
  const { code } = await tryKubectl(['get', 'namespace', SYSTEM])
  if (code === 0) throw new Error(`namespace ${SYSTEM} is there already: delete it, or use another cluster`)
  isOurs = true
}
afterAll(async () => {
  if (!isOurs) return
  // Nobody replaces the replicas, and none has the time to drain: a kubelet that has begun to wait for one goes on.
  await tryKubectl(['delete', 'deployments,replicasets', '--all', '--cascade=orphan', ...system])
  await tryKubectl(['delete', 'pods', '--all', '--grace-period=1', '--wait=false', ...system])
  const text = await rendered('deploy')
  await tryKubectl(['delete', '--ignore-not-found', '--wait=false', '-f', '-'], text)
  await until(
    'the namespace has gone',
    async () => {
      // Again and again, for those that still had a moment to be created.
      await tryKubectl(['delete', 'pods', '--all', '--grace-period=1', '--wait=false', ...system])
      return (await tryKubectl(['get', 'namespace', SYSTEM])).code !== 0
    },
    400_000,
    1_000,
  )
})

/**
 * As kustomize renders it, its entries limited to this file's namespaces.
 * @param seconds after which its Pods are ended, instead of a whole drain
 */
export async function rendered(directory: string, seconds = 2): Promise<string> {
  return manifest(await renderedObjects(directory, seconds))
}

export async function renderedObjects(directory: string, seconds: number) {
  const text = await kubectl(['kustomize', join(import.meta.dirname, '../..', directory)])
  return parseAllDocuments(text).map((document) => {
    const object = document.toJS()
    if (object.kind === 'Deployment') object.spec.template.spec.terminationGracePeriodSeconds = seconds
    for (const entry of object.kind === 'MutatingWebhookConfiguration' ? object.webhooks : [])
      entry.namespaceSelector.matchExpressions.push({ key: LABEL, operator: 'In', values: [id] })
    return object
  })
}

/** A namespace that this install sees. */
export const installNamespace = (injection: string): Promise<Namespace> =>
  namespace({ 'hotreload.dev/injection': injection, [LABEL]: id })

/** Waits until every replica of these is Ready. */
export async function installReady(deployments = DEPLOYMENTS): Promise<void> {
  for (const name of deployments)
    await kubectl(['rollout', 'status', `deployment/${name}`, '--timeout=300s', ...system])
}
