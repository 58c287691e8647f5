/**
 * How quickly Pods are nudged: in all, as many as an API server takes beside its other work, and on one node, as many as a kubelet and its
 * programs take (docs/scale.md has the measurements). An API server with too much to do answers 429, and then nobody is nudged for a while.
 */
import type { Clock } from '../../async/clock.ts'
import { createTokenBucket, type TokenBucket } from '../../async/token-bucket.ts'

export interface NudgeLimiter {
  /** Resolves when a Pod of this node may be nudged. @param node undefined: not known */
  turn(node: string | undefined): Promise<void>
  /** The API server answered 429. No turn comes for this time, nor does a burst after it. */
  pause(seconds?: number): void
}

/** One in 5 ms. */
export const DEFAULT_NUDGES_PER_SECOND = 200
const BURST = 100
/** A kubelet of 110 Pods, the default, gets all of its nudges within two seconds. */
const PER_NODE = 50
const BURST_PER_NODE = 50

/** Seconds, by default and at most: what API Priority and Fairness sends is 1 to 8. */
const [PAUSE, LONGEST_PAUSE] = [1, 30]
/** Milliseconds without a turn after which the buckets of all nodes are full again, so that nodes that have gone are forgotten. */
const FORGOTTEN_AFTER = 60_000

export function createNudgeLimiter(
  clock: Clock,
  sleep: (milliseconds: number) => Promise<void>,
  perSecond = DEFAULT_NUDGES_PER_SECOND,
): NudgeLimiter {
  const inAll = createTokenBucket(clock, perSecond || Number.POSITIVE_INFINITY, BURST)
  const ofNode = new Map<string, TokenBucket>()
  let lastTurnAt = clock.now()
  let pauses = 0

  /** Takes a token of the node. @returns milliseconds to wait before using it */
  function takeOf(node: string): number {
    if (clock.now() - lastTurnAt > FORGOTTEN_AFTER) ofNode.clear()
    lastTurnAt = clock.now()
    const bucket = ofNode.get(node) ?? createTokenBucket(clock, PER_NODE, BURST_PER_NODE)
    ofNode.set(node, bucket)
    return bucket.take()
  }

  return {
    async turn(node) {
      let before: number
      do {
        before = pauses
        const delay = Math.max(inAll.take(), node === undefined ? 0 : takeOf(node))
        if (delay > 0) await sleep(delay)
        // What was promised before a pause holds no more.
      } while (before !== pauses)
    },
    pause(seconds = PAUSE) {
      pauses += 1
      inAll.pause(Math.min(seconds, LONGEST_PAUSE) * 1_000)
    },
  }
}
