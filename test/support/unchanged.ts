/** That an apply changes nothing, although the cluster's controllers write the status of the same object. */
import type { KubeObject, Namespace } from './kube.ts'
import { until } from './until.ts'

/**
 * Applies until the object has the same resourceVersion before and after: the controllers come to rest, and an apply that stores something
 * never does.
 */
export async function applyChangesNothing(
  ns: Namespace,
  [kind, name]: readonly [string, string],
  apply: () => Promise<unknown>,
): Promise<void> {
  const version = async () => (await ns.get<KubeObject>(kind, name)).metadata.resourceVersion
  await until(`an apply that leaves ${kind} ${name} as it was`, async () => {
    const before = await version()
    await apply()
    return (await version()) === before
  })
}
