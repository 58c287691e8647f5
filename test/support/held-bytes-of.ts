// Queries a process that was started with `--import=HELD_BYTES` and an IPC channel.
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

export const HELD_BYTES = join(import.meta.dirname, 'held-bytes.ts')

/** Those of the words (ASCII) that the process holds in bytes. */
export async function heldBytes(child: ChildProcess, words: readonly string[]): Promise<string[]> {
  const backwards = (word: string): string => [...word].toReversed().join('')
  child.send(words.map(backwards))
  const [found]: string[][] = await once(child, 'message')
  return (found ?? []).map(backwards)
}
