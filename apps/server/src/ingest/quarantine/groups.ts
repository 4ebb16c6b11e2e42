// SPDX-License-Identifier: Apache-2.0

/** Writes what waits for one tenant together: what comes while a write is under way goes into the next one. */
export type Groups<T> = {
  /** Resolves when it is written; rejects with the others of its group. */
  add(tenant: string, item: T): Promise<void>
  /** Resolves when what was added before is written, or failed. */
  settled(tenant: string): Promise<void>
  forget(tenant: string): void
}

type Group<T> = { items: T[]; done: PromiseWithResolvers<void> }
type Queue<T> = { next: Group<T>; isWriting: boolean; writing: Promise<void> }

export function createGroups<T>(
  itemsMax: number,
  write: (tenant: string, items: readonly T[]) => Promise<void>,
): Groups<T> {
  const queues = new Map<string, Queue<T>>()

  async function writeOut(tenant: string, queue: Queue<T>): Promise<void> {
    queue.isWriting = true
    while (queue.next.items.length > 0) {
      const { items, done } = queue.next
      queue.next = emptyGroup()
      queue.writing = done.promise
      try {
        for (let from = 0; from < items.length; from += itemsMax)
          await write(tenant, items.slice(from, from + itemsMax))
        done.resolve()
      } catch (cause) {
        done.reject(cause)
      }
    }
    queue.isWriting = false
  }

  return {
    add: (tenant, item) => {
      const queue = queues.get(tenant) ?? { next: emptyGroup(), isWriting: false, writing: Promise.resolve() }
      queues.set(tenant, queue)
      const { items, done } = queue.next
      items.push(item)
      if (!queue.isWriting) void writeOut(tenant, queue)
      return done.promise
    },
    settled: async (tenant) => {
      const queue = queues.get(tenant)
      if (queue?.isWriting !== true) return
      const { items, done } = queue.next
      await (items.length > 0 ? done.promise : queue.writing).catch(() => undefined)
    },
    forget: (tenant) => void queues.delete(tenant),
  }
}

const emptyGroup = <T>(): Group<T> => ({ items: [], done: Promise.withResolvers<void>() })
