// kubectl against the cluster of this test run, which the global set-up provides.
import { inject } from 'vitest'
import type { Cluster } from '../cluster/cluster.ts'
import { attempt, type Result } from '../cluster/run.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** One for each worker; one on which all files run beside each other, if they do so on a node. */
    clusters: Cluster[]
  }
}

/** Any stored object. */
export interface KubeObject {
  apiVersion: string
  kind: string
  metadata: { name?: string; namespace?: string; resourceVersion?: string }
}

/** The cluster of this test file. API test files that run at the same time have one each. */
export function cluster(): Cluster {
  const clusters = inject('clusters')
  const worker = Number(process.env['VITEST_POOL_ID']) - 1
  const own = clusters[worker % clusters.length]
  if (!own) throw new Error('this project of vitest.config.ts starts no cluster')
  return own
}

/** Runs kubectl to its end, whatever its exit code. `input` is its standard input. */
export function tryKubectl(argv: readonly string[], input?: string): Promise<Result> {
  const { kubectl, kubeconfig } = cluster()
  const env = { ...process.env, KUBECONFIG: kubeconfig }
  return attempt([kubectl, ...argv], input === undefined ? { env } : { env, input })
}

/**
 * Runs kubectl and returns what it printed.
 * @throws on any exit code but 0, quoting standard error
 */
export async function kubectl(argv: readonly string[], input?: string): Promise<string> {
  const { code, stdout, stderr } = await tryKubectl(argv, input)
  if (code !== 0) throw new Error(`kubectl ${argv.join(' ')}: exit code ${code}\n${stderr.trim()}`)
  return stdout
}

/** Input for `kubectl apply -f -`: YAML text unchanged, objects as JSON. */
export function manifest(objects: string | object | readonly object[]): string {
  if (typeof objects === 'string') return objects
  return JSON.stringify(Array.isArray(objects) ? { apiVersion: 'v1', kind: 'List', items: objects } : objects)
}
