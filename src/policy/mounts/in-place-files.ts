/**
 * Decides which files of a volume may be rewritten in place. A program that reads its whole file at once sees the old or the new content.
 * A shell reads a script while it runs it, and a mapped file shrinks under its program (SIGBUS): such a file is never rewritten.
 */
import type { V1Volume } from '@kubernetes/client-node'
import { normalPath, volumeSources } from '../../workload/references.ts'

const EXECUTE = 0o111

/** Files that a program reads while it runs them. A mode without an execute bit is no proof: `sh run.sh` needs none. */
const SCRIPT = /\.(sh|bash|dash|ksh|zsh)$/

/** Files that programs map into memory. */
const MAPPED = /\.(mmdb|sqlite3?|db|lmdb|so|jar)$/

/** Why a file must not be rewritten in place, as the end of a sentence; undefined: it may be. */
export type RewriteObstacle = (path: string, mountPath: string) => string | undefined

/** Reads the volume once; the answer for a path takes constant time. A path is normalized, or the text of a subPathExpr. */
export function rewriteObstacle(volume: V1Volume): RewriteObstacle {
  const isExecutable = executables(volume)
  return (path, mountPath) => {
    if (isExecutable(path) || SCRIPT.test(path) || SCRIPT.test(mountPath))
      return 'a shell reads a script while it runs it'
    if (MAPPED.test(path) || MAPPED.test(mountPath)) return 'programs map such a file into memory'
    return undefined
  }
}

function executables(volume: V1Volume): (path: string) => boolean {
  const { defaultMode = 0 } = volume.configMap ?? volume.secret ?? volume.projected ?? {}
  const isExecutableByDefault = (defaultMode & EXECUTE) !== 0
  const exceptions = new Set<string>()
  for (const { mode, path } of volumeSources(volume).flatMap(({ items = [] }) => items))
    if (mode !== undefined && ((mode & EXECUTE) !== 0) !== isExecutableByDefault)
      exceptions.add(normalPath(path))
  return (path) => exceptions.has(path) !== isExecutableByDefault
}
