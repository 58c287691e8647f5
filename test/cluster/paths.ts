// Directories of the cluster of the tests that outlive one run, and the Kubernetes version.
import { mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** The Kubernetes version that test/cluster/go.mod pins. */
export const KUBERNETES_VERSION = 'v1.36.3'

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
