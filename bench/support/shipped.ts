/** The flags and environment with which the image starts Node.js, so that a benchmark measures the shipped program. */
import { readFileSync } from 'node:fs'

export interface Launch {
  /** Options of Node.js. */
  flags: string[]
  environment: Record<string, string>
}

const dockerfile = readFileSync(new URL('../../Dockerfile', import.meta.url), 'utf8')

/** Read from the last stage of the Dockerfile. */
export const SHIPPED: Launch = {
  flags: (JSON.parse(lastOf('ENTRYPOINT')) as string[]).filter((argument) => argument.startsWith('--')),
  environment: Object.fromEntries(
    lastOf('ENV')
      .split(' ')
      .map((pair) => pair.split('=', 2)),
  ),
}

function lastOf(instruction: string): string {
  const found = [...dockerfile.matchAll(new RegExp(`^${instruction} (.+)$`, 'gm'))].at(-1)?.[1]
  if (found === undefined) throw new Error(`Dockerfile: no ${instruction}`)
  return found
}
