// What the demo has made and must remove again, also where Ctrl-C ends it.
type Step = () => unknown
const steps: Step[] = []
let removal: Promise<void> | undefined

/** Remembers how to remove something; the last one is removed first. */
export const atEnd = (step: Step): void => void steps.push(step)

/** Removes everything that the demo has made. */
export function removeAll(): Promise<void> {
  removal ??= (async () => {
    for (let step = steps.pop(); step; step = steps.pop()) await step()
  })()
  return removal
}

/** From now on Ctrl-C, SIGTERM and a closed terminal remove everything. */
export function removeAtSignals(): void {
  for (const [signal, number] of Object.entries({ SIGHUP: 1, SIGINT: 2, SIGTERM: 15 }))
    process.on(signal, () => void removeAll().then(() => process.exit(128 + number)))
}
