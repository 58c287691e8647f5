// What the demo prints.
const started = Date.now()

/** Whole seconds since the start. */
export const elapsed = (): string => ((Date.now() - started) / 1000).toFixed(0)

export const heading = (text: string): void => console.log(`\n\u001b[1m== ${text}\u001b[0m`)

/** A line with the time since the start. */
export const say = (text: string): void => console.log(`[${elapsed().padStart(4)} s] ${text}`)
