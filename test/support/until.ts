// Waiting for a condition instead of sleeping.

/** The default interval between two tries. */
const INTERVAL_MS = 200

/**
 * Calls `probe` until it returns something other than undefined, null or false, and returns that. A probe that throws is tried again.
 * @throws after `timeoutMs`, with `what` and the result of the last try
 */
export async function until<T>(
  what: string,
  probe: () => Promise<T | undefined | null | false> | T | undefined | null | false,
  timeoutMs = 120_000,
  intervalMs = INTERVAL_MS,
): Promise<T> {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    let last: unknown
    try {
      const value = await probe()
      if (value !== undefined && value !== null && value !== false) return value
      last = value
    } catch (error) {
      last = error
    }
    if (Date.now() > deadline) {
      const reason = last instanceof Error ? last.message : String(last)
      throw new Error(`waited ${timeoutMs / 1000} s for: ${what}; last try: ${reason}`, { cause: last })
    }
    await new Promise((resolve) => setTimeout(resolve, intervalMs))
  }
}
