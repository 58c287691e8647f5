// Asks a process that was started with `--import=HELD_BYTES` and an IPC channel.
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

export const HELD_BYTES = join(import.meta.dirname, 'held-bytes.ts')

/** Which of these words (ASCII) stand in bytes that the process holds. */
export async function heldBytes(child: ChildProcess, words: readonly string[]): Promise<string[]> {
  const backwards = (word: string): string => [...word].toReversed().join('')
  child.send(words.map(backwards))
  const [found]: string[][] = await once(child, 'message')
  return (found ?? []).map(backwards)
}
