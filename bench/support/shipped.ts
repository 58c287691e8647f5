/** How the image starts node, so that a benchmark measures what users run. */
import { readFileSync } from 'node:fs'

export interface Launch {
  /** node's options. */
  flags: string[]
  environment: Record<string, string>
}

const dockerfile = readFileSync(new URL('../../Dockerfile', import.meta.url), 'utf8')

/** From the last stage of the Dockerfile. */
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
