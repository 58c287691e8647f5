/** Reads the files of `-f`: a file, the files of a directory sorted by name, or standard input. */
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { UserError } from '../../errors.ts'

export interface ManifestFile {
  /** For messages. */
  file: string
  stream: string
}

/**
 * The files of one `-f`.
 * @throws UserError HR_NO_FILE, HR_NO_MANIFESTS, HR_BAD_YAML that names the file
 */
export async function readManifests(file: string, stdin: NodeJS.ReadableStream): Promise<ManifestFile[]> {
  if (file === '-') return [{ file: 'stdin', stream: decoded('stdin', await buffer(stdin)) }]
  try {
    if (!(await stat(file)).isDirectory()) return [{ file, stream: decoded(file, await readFile(file)) }]
    const names = (await readdir(file)).filter((name) => /\.(ya?ml|json)$/.test(name)).toSorted()
    if (names.length === 0)
      throw new UserError(
        'HR_NO_MANIFESTS',
        `-f: directory ${file} has no .yaml, .yml or .json`,
        'name another one',
      )
    return await Promise.all(
      names.map(async (name) => ({
        file: join(file, name),
        stream: decoded(join(file, name), await readFile(join(file, name))),
      })),
    )
  } catch (error) {
    if (error instanceof UserError) throw error
    throw new UserError(
      'HR_NO_FILE',
      `-f: ${file} can't be read: ${(error as Error).message}`,
      'name a file, a directory, or - for standard input',
    )
  }
}

/** Bytes that are not UTF-8 could not be written back unchanged. */
function decoded(file: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new UserError('HR_BAD_YAML', `${file}: not UTF-8 text`, 'save it as UTF-8, or name another file')
  }
}
