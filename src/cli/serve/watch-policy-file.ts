/** The policy file on disk: read at the start, and again when it changes. src/policy/policy-file.ts parses it. */
import { readFile } from 'node:fs/promises'
import { UserError } from '../../errors.ts'
import { builtInDefaults, type Defaults } from '../../policy/defaults.ts'

/** As a ConfigMap volume it changes once a minute at most. */
const LOOK_AGAIN_MILLISECONDS = 5_000

export interface PolicyFile {
  current: () => Defaults
  stop: () => void
}

/** @throws UserError that names the file, or the mistake in it */
export async function readPolicyFile(file: string | undefined): Promise<Defaults> {
  if (file === undefined) return builtInDefaults
  const { parseDefaults } = await import('../../policy/policy-file.ts')
  return parseDefaults(await read(file))
}

/**
 * @param changed called with each new content, or with the problem of one that can't be used: the last good one then stays
 * @throws UserError where the first content can't be used
 */
export async function watchPolicyFile(
  file: string | undefined,
  changed: (problem?: UserError) => void,
  everyMilliseconds = LOOK_AGAIN_MILLISECONDS,
): Promise<PolicyFile> {
  if (file === undefined) return { current: () => builtInDefaults, stop: () => undefined }
  // Most installs have no such file, and need no parser of YAML.
  const { parseDefaults } = await import('../../policy/policy-file.ts')
  let seen = await read(file)
  let defaults = parseDefaults(seen)
  const look = async () => {
    const now = await read(file).catch((error: UserError) => error)
    const text = typeof now === 'string' ? now : now.message
    if (text === seen) return
    // Remembered before it is parsed: a problem is reported once, not every five seconds.
    seen = text
    try {
      if (typeof now !== 'string') throw now
      defaults = parseDefaults(now)
      changed()
    } catch (error) {
      if (!(error instanceof UserError)) throw error
      changed(error)
    }
  }
  const timer = setInterval(() => void look(), everyMilliseconds).unref()
  return { current: () => defaults, stop: () => clearInterval(timer) }
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
    throw new UserError('HR_BAD_POLICY', `--policy: ${file} can't be read (${code})`, 'name a readable file')
  }
}
