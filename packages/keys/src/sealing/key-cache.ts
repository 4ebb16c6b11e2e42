// SPDX-License-Identifier: Apache-2.0

import type { Clock } from '@sealwatch/base'
import type { KeySlot, LockedMemory } from './locked-memory.ts'

export type CacheLimits = {
  /** How long a key may stay in memory after it was fetched, however often it is used. */
  readonly ttlMs: number
  readonly keysMax: number
}

/** Unwrapped keys by name, bounded in time and count. A key that leaves is wiped. */
export type KeyCache = {
  /**
   * Does `work` with the key, fetched first where it is not here; those who want it meanwhile wait for the one fetch. The
   * slot is good for the synchronous stretch of `work` alone.
   */
  use<T>(name: string, fetch: () => Promise<Uint8Array>, work: (key: KeySlot) => T): Promise<T>
  get(name: string): KeySlot | undefined
  /** Takes the key over and zeroes `key`; the one used longest ago makes room. */
  put(name: string, key: Uint8Array): KeySlot
  /** Wipes the keys whose names begin so, and counts them; a fetch that is under way does not bring one back. */
  evict(prefix: string): number
  /** Wipes what is too old. */
  sweep(): void
  readonly size: number
}

export function createKeyCache(memory: LockedMemory, { ttlMs, keysMax }: CacheLimits, clock: Clock): KeyCache {
  // In the order of use.
  const held = new Map<string, { readonly slot: KeySlot; readonly untilNs: bigint }>()
  const fetching = new Map<string, Promise<void>>()
  const ttlNs = BigInt(ttlMs) * 1_000_000n
  let evictions = 0

  function drop(name: string): void {
    held.get(name)?.slot.wipe()
    held.delete(name)
  }

  function get(name: string): KeySlot | undefined {
    const entry = held.get(name)
    if (entry === undefined) return undefined
    if (clock.monotonicNs() >= entry.untilNs) {
      drop(name)
      return undefined
    }
    held.delete(name)
    held.set(name, entry)
    return entry.slot
  }

  function put(name: string, key: Uint8Array): KeySlot {
    drop(name)
    for (const oldest of held.keys()) {
      if (held.size < keysMax) break
      drop(oldest)
    }
    const slot = memory.keep(key)
    held.set(name, { slot, untilNs: clock.monotonicNs() + ttlNs })
    return slot
  }

  async function fetchInto(name: string, fetch: () => Promise<Uint8Array>): Promise<void> {
    const begun = evictions
    const key = await fetch()
    if (evictions === begun) put(name, key)
    key.fill(0)
  }

  return {
    use: async (name, fetch, work) => {
      for (;;) {
        const slot = get(name)
        if (slot !== undefined) return work(slot)
        const under = fetching.get(name) ?? fetchInto(name, fetch).finally(() => fetching.delete(name))
        fetching.set(name, under)
        await under
      }
    },
    get,
    put,
    evict: (prefix) => {
      evictions += 1
      const names = [...held.keys()].filter((name) => name.startsWith(prefix))
      for (const name of names) drop(name)
      return names.length
    },
    sweep: () => {
      const nowNs = clock.monotonicNs()
      for (const [name, { untilNs }] of [...held]) if (nowNs >= untilNs) drop(name)
    },
    get size() {
      return held.size
    },
  }
}
