// SPDX-License-Identifier: Apache-2.0

import { randomBytes } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, type Disk, makeDirectory } from '@sealwatch/base'
import type { Random } from './envelope.ts'
import { openEpochs } from './epochs.ts'
import { adoptBareKeys } from './first-layout.ts'
import { type CacheLimits, createKeyCache } from './key-cache.ts'
import { type EpochRow, type ErasedCounts, openKeyStore } from './key-store.ts'
import { localMasterKey } from './local-master-key.ts'
import { type MemoryKind, openLockedMemory } from './locked-memory.ts'
import type { MasterKey } from './master-key.ts'
import { createSubjectKeys } from './subject-keys.ts'
import { createTenantKeys, type RewrapProgress } from './tenant-keys.ts'
import { createValues, type Values } from './values.ts'

export type SealingStatus = {
  readonly epoch: number
  readonly epochs: readonly (EpochRow & { readonly tenantKeys: number })[]
  readonly toRewrap: number
  readonly subjectKeys: number
  readonly cached: number
  /** How the memory of unwrapped keys is kept. */
  readonly memory: MemoryKind
}

/** Keeps values secret at rest (docs/formats/sealing.md). Every method that needs a key may throw KEYS_UNAVAILABLE. */
export type Sealing = Values & {
  /**
   * Destroys a person's keys, or with no label all keys of a tenant; durable when it returns. `applied` counts the leaves
   * of the ledger whose orders are carried out: it moves with the destruction, so that an older copy of the keys, once
   * restored, says from which leaf on the orders are to be carried out again.
   */
  erase(order: { readonly tenant: string; readonly label?: string }, applied: number): ErasedCounts
  readonly applied: number
  setApplied(applied: number): void

  /** Whether all keys of the tenant were destroyed; it gets no others. */
  isErased(tenant: string): boolean
  /** Whether the tenant has a key of epoch 0: what that sealed is erased with the whole tenant only. */
  hasFirstLayout(tenant: string): boolean

  /**
   * Begins a new epoch and forgets every key in memory. What is sealed once it resolves is under new keys of tenants too.
   * Throws KEYS_UNAVAILABLE or DISK_FULL, and the epoch before stays current.
   */
  rotateMaster(): Promise<EpochRow>
  /** Wraps what older epochs hold under the newest; may stop anywhere and be called again. */
  rewrap(signal: AbortSignal, onProgress: (progress: RewrapProgress) => void): Promise<void>
  /** Epochs whose beginning the ledger does not record yet. */
  unrecordedEpochs(): EpochRow[]
  epochRecorded(epoch: number): void

  /**
   * Wipes the keys in memory, of a tenant or all, and counts them. They are fetched again when needed; what was being
   * fetched is fetched again.
   */
  evict(tenant?: string): number
  /** Wipes what is too old; call it about once a second. */
  sweep(): void

  /** The newest epoch of the master key, and tenant keys that are still wrapped under an older one. */
  readonly epoch: number
  readonly toRewrap: number
  /** Unwrapped keys in memory. */
  readonly cached: number
  /** All of it, for a person: counts what there is. */
  status(): SealingStatus
  /** Tries the current master key; resolves with its epoch. */
  probe(): Promise<number>
  close(): void
}

export type SealingOptions = {
  readonly dir: string
  /** '' keeps the system master key in files below `dir`; else a KMS key's id, ARN or alias. */
  readonly kmsKeyId: string
  readonly kms: MasterKey
  /** Keys of tenants (and local master keys), and keys of persons: each at most `keysMax`. */
  readonly cache: CacheLimits
  readonly clock: Clock
  readonly disk: Disk
  readonly random?: Random
  readonly memory?: MemoryKind
}

const objectKeysMax = 512

/** Opens the keys below `dir` for this process alone, and makes the first ones where there are none. */
export async function openSealing(options: SealingOptions): Promise<Sealing> {
  const { dir, kmsKeyId, kms, cache: limits, clock, disk, random = randomBytes } = options
  await makeDirectory(dir)
  const memory = openLockedMemory(2 * limits.keysMax + objectKeysMax, options.memory)
  const tenantCache = createKeyCache(memory, limits, clock)
  const subjectCache = createKeyCache(memory, limits, clock)
  const objectCache = createKeyCache(memory, { ...limits, keysMax: objectKeysMax }, clock)
  const caches = [tenantCache, subjectCache, objectCache]
  const evict = (prefix: string) => caches.reduce((keys, cache) => keys + cache.evict(prefix), 0)
  const found = (await readdir(dir)).flatMap((name) => /^master-(\d+)\.key$/.exec(name)?.slice(1).map(Number) ?? [])
  using opened = new DisposableStack()
  const store = opened.adopt(openKeyStore(join(dir, 'keys.sqlite')), (it) => it.close())
  const local = localMasterKey({ dir, disk, cache: tenantCache, random })
  const epochs = await openEpochs({ store, keepers: { local, kms }, choice: { kmsKeyId }, clock, found })
  const tenantKeys = createTenantKeys({ store, epochs, cache: tenantCache, clock, random })
  const subjectKeys = createSubjectKeys({ store, tenantKeys, cache: subjectCache, random })
  await adoptBareKeys(dir, tenantKeys, disk)
  opened.move()

  return {
    ...createValues({ store, tenantKeys, subjectKeys, objectCache, random }),
    erase: ({ tenant, label }, applied) => {
      try {
        return store.erase(tenant, label === undefined ? undefined : Uint8Array.fromHex(label), applied)
      } finally {
        evict(`${tenant}/`)
      }
    },
    get applied() {
      return store.applied
    },
    setApplied: store.setApplied,
    isErased: store.isTenantErased,
    hasFirstLayout: (tenant) => store.tenantKey(tenant, 0) !== undefined,
    rotateMaster: async () => {
      const epoch = await epochs.rotate()
      evict('')
      return epoch
    },
    rewrap: tenantKeys.rewrap,
    unrecordedEpochs: store.unrecordedEpochs,
    epochRecorded: store.epochRecorded,
    evict: (tenant) => evict(tenant === undefined ? '' : `${tenant}/`),
    sweep: () => {
      for (const cache of caches) cache.sweep()
    },
    get epoch() {
      return epochs.current.epoch
    },
    get toRewrap() {
      return tenantKeys.toRewrap
    },
    get cached() {
      return tenantCache.size + subjectCache.size
    },
    status: () => {
      const counts = new Map(store.tenantKeyCounts().map(({ masterEpoch, keys }) => [masterEpoch, keys]))
      return {
        epoch: epochs.current.epoch,
        epochs: store.epochs().map((row) => ({ ...row, tenantKeys: counts.get(row.epoch) ?? 0 })),
        toRewrap: tenantKeys.toRewrap,
        subjectKeys: store.subjectKeyCount(),
        cached: tenantCache.size + subjectCache.size,
        memory: memory.kind,
      }
    },
    probe: async () => {
      const { epoch } = epochs.current
      const { keeper, keyId } = epochs.of(epoch)
      await keeper.probe(epoch, keyId)
      return epoch
    },
    close: () => {
      evict('')
      store.close()
    },
  }
}
