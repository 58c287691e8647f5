/** An Api with so many calls at once. The others wait, in order, and their time limits begin with their turns. */
import type { Api } from './api.ts'

export function limitCalls(api: Api, atOnce: number): Api {
  const waiting: (() => void)[] = []
  let free = atOnce
  return {
    namespace: api.namespace,
    async call(one) {
      if (free > 0) free -= 1
      else await new Promise<void>((resolve) => waiting.push(resolve))
      try {
        return await api.call(one)
      } finally {
        // The place goes to the next, or is free.
        const next = waiting.shift()
        if (next) next()
        else free += 1
      }
    },
  }
}
