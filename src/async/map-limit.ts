/** Runs several calls at once, but not all: the API server serves others too. */

/** As many as the client has connections (kube/client.ts). */
const CONCURRENCY = 16

/** @returns the results in the order of `items`; rejects with the first error */
export async function mapLimit<T, R>(
  items: readonly T[],
  run: (item: T) => Promise<R>,
  concurrency = CONCURRENCY,
): Promise<R[]> {
  const results: R[] = []
  const rest = items.entries()
  const worker = async () => {
    for (const [index, item] of rest) results[index] = await run(item)
  }
  await Promise.all(Array.from({ length: Math.min(concurrency, items.length) }, worker))
  return results
}
