// Directories of the cluster of the tests that outlive one run, and the versions that are built.
import { mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** The Kubernetes version that test/cluster/go.mod pins. */
export const KUBERNETES_VERSION = 'v1.36.3'

/** The oldest Kubernetes that hotreload supports, in the version that test/cluster/kubernetes-1.30/go.mod pins. */
export const OLDEST_KUBERNETES_VERSION = 'v1.30.14'

/** The Helm version that test/cluster/helm/go.mod pins. */
export const HELM_VERSION = 'v3.21.4'

/** The repository's top directory. */
export const repository: string = join(import.meta.dirname, '..', '..')

/** Returns a directory below ${XDG_CACHE_HOME:-~/.cache}/hotreload, and creates it if needed. */
export function cache(...names: string[]): string {
  const base = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache')
  const path = join(base, 'hotreload', ...names)
  mkdirSync(path, { recursive: true })
  return path
}
