// SPDX-License-Identifier: Apache-2.0

import { type Clock, isSealwatchError } from '@sealwatch/base'
import type { Random } from './envelope.ts'
import type { Epochs } from './epochs.ts'
import { sealingError } from './errors.ts'
import type { KeyCache } from './key-cache.ts'
import type { KeyStore, TenantKeyRow } from './key-store.ts'
import { type KeySlot, keyBytes } from './locked-memory.ts'

export type RewrapProgress = { readonly done: number; readonly total: number }

/** The keys of tenants: one for each tenant and epoch, made at first use, wrapped under the master key. */
export type TenantKeys = {
  /** Does `work` with the key of the epoch that is current in that very turn. Throws KEYS_ERASED or KEYS_UNAVAILABLE. */
  useCurrent<T>(tenant: string, work: (key: KeySlot, epoch: number) => T): Promise<T>
  /** Does `work` with the key of an epoch; undefined when there is none (any more). Throws KEYS_UNAVAILABLE. */
  useOld<T>(tenant: string, epoch: number, work: (key: KeySlot) => T): Promise<T | undefined>
  /** Takes over a key from before there were epochs, as that of epoch 0. Durable when it resolves. */
  adopt(tenant: string, key: Uint8Array): Promise<void>
  /** Keys that an older master key wraps. */
  readonly toRewrap: number
  /**
   * Wraps every key under the current master key and destroys the master keys that are then idle. It goes by what is on
   * the disk, so that it may stop anywhere and be called again. Throws KEYS_UNAVAILABLE.
   */
  rewrap(signal: AbortSignal, onProgress: (progress: RewrapProgress) => void): Promise<void>
}

const rewrapAtOnce = 8

export function createTenantKeys(options: {
  readonly store: KeyStore
  readonly epochs: Pick<Epochs, 'current' | 'of' | 'retireIdle'>
  readonly cache: KeyCache
  readonly clock: Clock
  readonly random: Random
}): TenantKeys {
  const { store, epochs, cache, clock, random } = options

  async function unwrap(row: TenantKeyRow): Promise<Uint8Array> {
    const { keyId, keeper } = epochs.of(row.masterEpoch)
    try {
      return await keeper.unwrap(keyId, row, row.wrapped)
    } catch (error) {
      // Wrapped anew while we asked: its old master key may be gone already.
      const now = store.tenantKey(row.tenant, row.epoch)
      if (now === undefined || now.masterEpoch === row.masterEpoch) throw error
      return unwrap(now)
    }
  }

  /** Wraps under the epoch that is current when the result is in: an older one may be retired by then. */
  async function wrapNow(tenant: string, epoch: number, key: Uint8Array): Promise<TenantKeyRow> {
    for (;;) {
      const masterEpoch = epochs.current.epoch
      const { keyId, keeper } = epochs.of(masterEpoch)
      const place = { tenant, epoch, masterEpoch }
      const wrapped = await keeper.wrap(keyId, place, key).catch((error: unknown) => {
        if (masterEpoch === epochs.current.epoch) throw error
      })
      if (wrapped !== undefined && masterEpoch === epochs.current.epoch) return { ...place, wrapped }
    }
  }

  function checkErased(tenant: string): void {
    if (store.isTenantErased(tenant))
      throw sealingError('KEYS_ERASED', { attempted: `sealing for the tenant ${tenant}`, received: tenant })
  }

  async function fetchOrMake(tenant: string, epoch: number): Promise<Uint8Array> {
    checkErased(tenant)
    const known = store.tenantKey(tenant, epoch)
    if (known !== undefined) return unwrap(known)
    const key = random(keyBytes)
    const row = await wrapNow(tenant, epoch, key)
    checkErased(tenant)
    // Durable before anything is sealed under it.
    store.addTenantKey(row)
    return key
  }

  /** Looks the row up at every attempt: after an eviction it may be gone, and must not come back from memory. */
  async function fetchOld(tenant: string, epoch: number): Promise<Uint8Array> {
    const row = store.tenantKey(tenant, epoch)
    if (row !== undefined) return unwrap(row)
    throw sealingError('KEYS_ERASED', { attempted: `fetching the key of the tenant ${tenant}`, received: epoch })
  }

  async function wrapAnew(before: TenantKeyRow): Promise<{ before: TenantKeyRow; after: TenantKeyRow }> {
    const key = await unwrap(before)
    try {
      return { before, after: await wrapNow(before.tenant, before.epoch, key) }
    } finally {
      key.fill(0)
    }
  }

  /** What could be wrapped is kept, also where another one could not. */
  async function wrapSome(rows: readonly TenantKeyRow[]): Promise<void> {
    const results = await Promise.allSettled(rows.map(wrapAnew))
    const begunNs = clock.monotonicNs()
    store.rewrapTenantKeys(results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : [])))
    const failed = results.find(({ status }) => status === 'rejected') as PromiseRejectedResult | undefined
    if (failed !== undefined) throw failed.reason
    // As long as the disk took, whoever seals and opens has this thread.
    await clock.sleep(Number((clock.monotonicNs() - begunNs) / 1_000_000n))
  }

  const toRewrap = (): number =>
    store
      .tenantKeyCounts()
      .filter(({ masterEpoch }) => masterEpoch !== epochs.current.epoch)
      .reduce((sum, { keys }) => sum + keys, 0)

  return {
    get toRewrap() {
      return toRewrap()
    },
    useCurrent: async (tenant, work) => {
      for (;;) {
        const { epoch } = epochs.current
        const isCurrent = () => epochs.current.epoch === epoch
        const done = await cache.use(
          `${tenant}/${epoch}`,
          () => fetchOrMake(tenant, epoch),
          // An epoch may have begun while the key was fetched: whoever knows the old one is to read nothing more.
          (key) => (isCurrent() ? { result: work(key, epoch) } : undefined),
        )
        if (done !== undefined) return done.result
      }
    },
    useOld: async (tenant, epoch, work) => {
      const name = `${tenant}/${epoch}`
      const held = cache.get(name)
      if (held !== undefined) return work(held)
      if (store.tenantKey(tenant, epoch) === undefined) return undefined
      try {
        return await cache.use(name, () => fetchOld(tenant, epoch), work)
      } catch (error) {
        if (isSealwatchError(error, 'KEYS_ERASED')) return undefined
        throw error
      }
    },
    adopt: async (tenant, key) => {
      if (store.tenantKey(tenant, 0) === undefined && !store.isTenantErased(tenant))
        store.addTenantKey(await wrapNow(tenant, 0, key))
    },
    rewrap: async (signal, onProgress) => {
      const total = toRewrap()
      onProgress({ done: 0, total })
      while (!signal.aborted) {
        const rows = store.tenantKeysToRewrap(epochs.current.epoch, rewrapAtOnce)
        if (rows.length === 0) break
        await wrapSome(rows)
        onProgress({ done: Math.max(0, total - toRewrap()), total })
      }
      if (!signal.aborted) await epochs.retireIdle()
    },
  }
}
