/** Several calls at once, but not all: an API server has others to serve. */

/** The light client keeps as many connections (kube/client.ts). */
const AT_ONCE = 16

/** The results in the order of `items`; rejects with the first error. */
export async function mapLimit<T, R>(
  items: readonly T[],
  run: (item: T) => Promise<R>,
  atOnce = AT_ONCE,
): Promise<R[]> {
  const results: R[] = []
  const rest = items.entries()
  const worker = async () => {
    for (const [index, item] of rest) results[index] = await run(item)
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker))
  return results
}
