// SPDX-License-Identifier: Apache-2.0

/** An ordered log that a stage reads with its own cursor. Positions count items from 0. */
export type Feed<Item> = {
  /** Items from position `from` on, at most `max`, empty when there are none yet. */
  read(from: number, max: number): Promise<readonly Item[]>
  /** Resolves when the feed holds an item at `from`, or when the signal fires. */
  waitFor(from: number, signal: AbortSignal): Promise<void>
}

export type Follower<Item> = {
  readonly name: string
  readonly feed: Feed<Item>
  /** First position that has not been handled. */
  readonly cursor: number
  readonly batchMax: number
  readonly signal: AbortSignal
  /** Must save `next` as the cursor in the same transaction as its results. A throw ends the follower. */
  readonly handle: (batch: readonly Item[], next: number) => Promise<void>
}

/** Pulls until the signal fires; resolves with the cursor reached. Crash, restart and back-pressure are this one loop. */
export async function follow<Item>({ feed, cursor, batchMax, signal, handle }: Follower<Item>): Promise<number> {
  let next = cursor
  while (!signal.aborted) {
    const batch = await feed.read(next, batchMax)
    if (batch.length === 0) {
      await feed.waitFor(next, signal)
      continue
    }
    next += batch.length
    await handle(batch, next)
  }
  return next
}

/** Wakes every waiter when something was appended; the building block of a feed's `waitFor`. */
export function createBell(): { ring(): void; wait(signal: AbortSignal): Promise<void> } {
  let waiters: (() => void)[] = []
  return {
    ring() {
      const woken = waiters
      waiters = []
      for (const wake of woken) wake()
    },
    wait: (signal) =>
      new Promise((resolve) => {
        if (signal.aborted) return resolve()
        const wake = () => {
          signal.removeEventListener('abort', wake)
          waiters = waiters.filter((waiter) => waiter !== wake)
          resolve()
        }
        signal.addEventListener('abort', wake, { once: true })
        waiters.push(wake)
      }),
  }
}
