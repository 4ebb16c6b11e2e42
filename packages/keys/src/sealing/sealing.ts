// SPDX-License-Identifier: Apache-2.0

import { randomBytes } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, type Disk, makeDirectory } from '@sealwatch/base'
import { keyInfo, type ObjectKey, objectKey, openSealBatch, openSealed, type Purpose, type Random } from './envelope.ts'
import { openEpochs } from './epochs.ts'
import { sealingError } from './errors.ts'
import { adoptBareKeys, openFirstLayout } from './first-layout.ts'
import { type CacheLimits, createKeyCache } from './key-cache.ts'
import { type EpochRow, type ErasedCounts, openKeyStore } from './key-store.ts'
import { headOf, layouts, partOf, readHead, readParts, unreadable } from './layout.ts'
import { localMasterKey } from './local-master-key.ts'
import { type KeySlot, type MemoryKind, openLockedMemory } from './locked-memory.ts'
import type { MasterKey } from './master-key.ts'
import { createSubjectKeys } from './subject-keys.ts'
import { createTenantKeys, type RewrapProgress } from './tenant-keys.ts'

/** Where a value belongs. What is sealed for one place opens in no other. */
export type SealPlace = {
  readonly tenant: string
  readonly purpose: Extract<Purpose, 'evidence' | 'quarantine'>
  readonly place: string
}

/** The personal values that belong to one place, each with the person it is about. */
export type PersonalValues = {
  readonly place: string
  readonly values: readonly { readonly subject: string; readonly plain: Uint8Array }[]
}

export type OpenedPersonal = {
  readonly values: readonly Uint8Array[]
  /** Values whose key was destroyed by order, and values whose key is not there for no known reason. */
  readonly erased: number
  readonly lost: number
}

export type SealingStatus = {
  readonly epoch: number
  readonly epochs: readonly (EpochRow & { readonly tenantKeys: number })[]
  /** Tenant keys that are still wrapped under an older master key. */
  readonly toRewrap: number
  readonly subjectKeys: number
  /** Unwrapped keys in memory, and how that memory is kept. */
  readonly cached: number
  readonly memory: MemoryKind
}

/** Keeps values secret at rest (docs/formats/sealing.md). Every method that needs a key may throw KEYS_UNAVAILABLE. */
export type Sealing = {
  /** Throws KEYS_ERASED. */
  seal(at: SealPlace, plain: Uint8Array): Promise<Uint8Array>
  /** Throws SEALED_UNREADABLE or KEYS_ERASED. */
  open(at: SealPlace, sealed: Uint8Array): Promise<Uint8Array>
  /** Seals a batch, each value under the key of its person. Throws KEYS_ERASED or KEYS_SUBJECTS_FULL. */
  sealPersonal(tenant: string, batch: readonly PersonalValues[]): Promise<Uint8Array[]>
  /** Throws SEALED_UNREADABLE for what was altered or moved; a value whose key is gone is counted, not opened. */
  openPersonal(tenant: string, place: string, sealed: Uint8Array): Promise<OpenedPersonal>
  /** The pseudonym of a person, 32 hex: what an order to erase names. Throws KEYS_ERASED. */
  labelOf(tenant: string, subject: string): Promise<string>

  /**
   * Destroys a person's keys, or with no label all keys of a tenant; durable when it returns. `applied` counts the leaves
   * of the ledger whose orders are carried out: it moves with the destruction, so that an older copy of the keys, once
   * restored, says from which leaf on the orders are to be carried out again.
   */
  erase(order: { readonly tenant: string; readonly label?: string }, applied: number): ErasedCounts
  readonly applied: number
  setApplied(applied: number): void

  /** Begins a new epoch and forgets every key in memory. What is sealed from now on is under new keys of tenants too. */
  rotateMaster(): Promise<EpochRow>
  /** Wraps what older epochs hold under the newest; may stop anywhere and be called again. */
  rewrap(signal: AbortSignal, onProgress: (progress: RewrapProgress) => void): Promise<void>
  /** Epochs whose beginning the ledger does not record yet. */
  unrecordedEpochs(): EpochRow[]
  epochRecorded(epoch: number): void

  /** Wipes the keys in memory, of a tenant or all; they are fetched again when needed. */
  evict(tenant?: string): void
  /** Wipes what is too old; call it about once a second. */
  sweep(): void
  status(): SealingStatus
  /** Tries the current master key; resolves with its epoch. Throws KEYS_UNAVAILABLE. */
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

/** Object keys for reading are derived once for the values of a batch that stand together. */
const objectKeysMax = 512

export async function openSealing(options: SealingOptions): Promise<Sealing> {
  const { dir, kmsKeyId, kms, cache: limits, clock, disk, random = randomBytes } = options
  await makeDirectory(dir)
  const memory = openLockedMemory(2 * limits.keysMax + objectKeysMax, options.memory)
  const tenantCache = createKeyCache(memory, limits, clock)
  const subjectCache = createKeyCache(memory, limits, clock)
  const objectCache = createKeyCache(memory, { ...limits, keysMax: objectKeysMax }, clock)
  const caches = [tenantCache, subjectCache, objectCache]
  const found = (await readdir(dir)).flatMap((name) => /^master-(\d+)\.key$/.exec(name)?.slice(1).map(Number) ?? [])
  const store = openKeyStore(join(dir, 'keys.sqlite'))
  try {
    const local = localMasterKey({ dir, disk, cache: tenantCache, random })
    const epochs = await openEpochs({ store, keepers: { local, kms }, choice: { kmsKeyId }, clock, found })
    const tenantKeys = createTenantKeys({ store, epochs, cache: tenantCache, random })
    const subjectKeys = createSubjectKeys({ store, tenantKeys, cache: subjectCache, random })
    await adoptBareKeys(dir, tenantKeys, disk)
    return sealingOf()

    function sealingOf(): Sealing {
      const evict = (prefix: string) => {
        for (const cache of caches) cache.evict(prefix)
      }
      const sealed = {
        seal: ({ tenant, purpose, place }: SealPlace, plain: Uint8Array) =>
          tenantKeys.useCurrent(tenant, (key, epoch) => {
            using batch = openSealBatch(random)
            const value = batch.key(key.bytes, keyInfo(purpose, tenant, epoch)).seal(place, plain)
            return Buffer.concat([headOf(layouts.value, epoch, batch.salt), value])
          }),
        open: async ({ tenant, purpose, place }: SealPlace, bytes: Uint8Array) => {
          const opened =
            bytes[0] === layouts.first
              ? await tenantKeys.useOld(tenant, 0, (key) => openFirstLayout(key.bytes, place, bytes))
              : await openValue(tenant, purpose, place, bytes)
          if (opened !== undefined) return opened
          checkErased(tenant, place)
          throw unreadable(place, 'a key that is not there')
        },
        sealPersonal,
        openPersonal,
        labelOf: async (tenant: string, subject: string) =>
          ((await subjectKeys.labelsOf(tenant, [subject])).get(subject) as Uint8Array).toHex(),
      }
      return {
        ...sealed,
        erase: ({ tenant, label }, applied) => {
          const counts = store.erase(tenant, label === undefined ? undefined : Uint8Array.fromHex(label), applied)
          evict(`${tenant}/`)
          return counts
        },
        get applied() {
          return store.applied
        },
        setApplied: store.setApplied,
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
        status,
        probe: async () => {
          const { epoch, keyId } = epochs.current
          await epochs.of(epoch).keeper.probe(epoch, keyId)
          return epoch
        },
        close: () => {
          evict('')
          store.close()
        },
      }
    }

    function openValue(tenant: string, purpose: Purpose, place: string, bytes: Uint8Array) {
      const { epoch, salt, rest } = readHead(layouts.value, bytes, place)
      const info = keyInfo(purpose, tenant, epoch)
      return tenantKeys.useOld(tenant, epoch, (key) =>
        openSealed(objectKeyOf(tenant, key, salt, info).bytes, place, rest),
      )
    }

    function checkErased(tenant: string, place: string): void {
      if (store.isTenantErased(tenant))
        throw sealingError('KEYS_ERASED', { attempted: `opening the sealed value of ${place}`, received: tenant })
    }

    async function sealPersonal(tenant: string, batch: readonly PersonalValues[]): Promise<Uint8Array[]> {
      const subjects = new Set(batch.flatMap(({ values }) => values.map(({ subject }) => subject)))
      const labels = await subjectKeys.labelsOf(tenant, subjects)
      return subjectKeys.useCurrent(tenant, labels.values(), (keyOf, epoch) => {
        using writer = openSealBatch(random)
        const head = headOf(layouts.personal, epoch, writer.salt)
        const keys = new Map(
          Array.from(labels, ([subject, label]) => {
            const { id, key } = keyOf(label)
            return [subject, { id, key: writer.key(key.bytes, keyInfo('personal', tenant, epoch, id)) }]
          }),
        )
        return batch.map(({ place, values }) => {
          const parts = values.map(({ subject, plain }) => {
            const { id, key } = keys.get(subject) as { id: string; key: ObjectKey }
            return partOf(id, key.seal(place, plain))
          })
          return Buffer.concat([head, ...parts])
        })
      })
    }

    async function openPersonal(tenant: string, place: string, bytes: Uint8Array): Promise<OpenedPersonal> {
      if (bytes[0] === layouts.first) {
        const plain = await tenantKeys.useOld(tenant, 0, (key) => openFirstLayout(key.bytes, place, bytes))
        if (plain !== undefined) return { values: [plain], erased: 0, lost: 0 }
        return store.isTenantErased(tenant) ? { values: [], erased: 1, lost: 0 } : { values: [], erased: 0, lost: 1 }
      }
      const { epoch, salt, rest } = readHead(layouts.personal, bytes, place)
      const values: Uint8Array[] = []
      let [erased, lost] = [0, 0]
      for (const { id, sealed } of readParts(rest, place)) {
        const info = keyInfo('personal', tenant, epoch, id)
        const open = (key: KeySlot) => openSealed(objectKeyOf(tenant, key, salt, info).bytes, place, sealed)
        const plain = await subjectKeys.useOld(tenant, id, open)
        if (plain !== undefined) values.push(plain)
        else if (store.wasErased(id)) erased += 1
        else lost += 1
      }
      return { values, erased, lost }
    }

    function objectKeyOf(tenant: string, from: KeySlot, salt: Uint8Array, info: string): KeySlot {
      const name = `${tenant}/${Buffer.from(salt).toString('latin1')}${info}`
      return objectCache.get(name) ?? objectCache.put(name, objectKey(from.bytes, salt, info))
    }

    function status(): SealingStatus {
      const counts = new Map(store.tenantKeyCounts().map(({ masterEpoch, keys }) => [masterEpoch, keys]))
      const { epoch } = epochs.current
      const rows = store.epochs().map((row) => ({ ...row, tenantKeys: counts.get(row.epoch) ?? 0 }))
      return {
        epoch,
        epochs: rows,
        toRewrap: rows.reduce((sum, row) => sum + (row.epoch === epoch ? 0 : row.tenantKeys), 0),
        subjectKeys: store.subjectKeyCount(),
        cached: tenantCache.size + subjectCache.size,
        memory: memory.kind,
      }
    }
  } catch (error) {
    store.close()
    throw error
  }
}
