// Another wall clock for a replica: a library that is preloaded into its program reads the difference from a ConfigMap (clock.c).

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { V1Deployment, V1Pod } from '@kubernetes/client-node'
import { withContext } from '../cluster/base-images.ts'
import { run } from '../cluster/run.ts'
import { SYSTEM, system } from '../support/install.ts'
import { kubectl } from '../support/kubectl.ts'
import { until } from '../support/until.ts'

const NAME = 'clock'
const DIRECTORY = `/${NAME}`

/** The ConfigMap with the library. */
export function clockConfigMap(): Promise<object> {
  return withContext(async (directory) => {
    const library = join(directory, 'clock.so')
    await run(['gcc', '-O2', '-shared', '-fPIC', '-o', library, join(import.meta.dirname, 'clock.c')])
    const binaryData = { 'clock.so': readFileSync(library).toString('base64') }
    return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: NAME, namespace: SYSTEM }, binaryData }
  })
}

/** A Deployment of hotreload whose replicas have such clocks. */
export function withClock(deployment: V1Deployment): V1Deployment {
  const spec = deployment.spec?.template.spec
  const [container] = spec?.containers ?? []
  if (!spec || !container) throw new Error(`${deployment.metadata?.name} has no container`)
  ;(container.env ??= []).push({ name: 'LD_PRELOAD', value: `${DIRECTORY}/clock.so` })
  ;(container.volumeMounts ??= []).push({ name: NAME, mountPath: DIRECTORY })
  ;(spec.volumes ??= []).push({ name: NAME, configMap: { name: NAME } })
  return deployment
}

/** Returns when the clocks of these replicas are ahead by so much. */
export async function setClocks(pods: readonly V1Pod[], seconds: number): Promise<void> {
  const names = pods.map(({ metadata }) => metadata?.name ?? '')
  const data = Object.fromEntries(names.map((name) => [name, `${seconds}`]))
  await kubectl(['patch', 'configmap', NAME, `--patch=${JSON.stringify({ data })}`, ...system])
  // So that the kubelet brings it now.
  await kubectl(['annotate', '--overwrite', 'pods', ...names, `test/clock=${seconds}`, ...system])
  for (const name of names)
    await until(
      `the clock of ${name} is ${seconds} s ahead`,
      async () => Math.abs((await timeOf(name)) - Date.now() / 1000 - seconds) < 60,
      120_000,
      1_000,
    )
}

/** Seconds since 1970, as a process in the replica's container sees them. */
async function timeOf(pod: string): Promise<number> {
  return Number(await kubectl(['exec', pod, ...system, '--', 'node', '--print', 'Date.now() / 1000']))
}
