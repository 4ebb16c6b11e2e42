// SPDX-License-Identifier: Apache-2.0

import { keyInfo, type ObjectKey, objectKey, openSealBatch, openSealed, type Purpose, type Random } from './envelope.ts'
import { sealingError } from './errors.ts'
import { openFirstLayout } from './first-layout.ts'
import type { KeyCache } from './key-cache.ts'
import type { KeyStore } from './key-store.ts'
import { headOf, layouts, partOf, readHead, readParts, unreadable } from './layout.ts'
import type { KeySlot } from './locked-memory.ts'
import type { SubjectKeys } from './subject-keys.ts'
import type { TenantKeys } from './tenant-keys.ts'

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

/** Sealing and opening. Each of these may throw KEYS_UNAVAILABLE. */
export type Values = {
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
}

export function createValues(options: {
  readonly store: KeyStore
  readonly tenantKeys: TenantKeys
  readonly subjectKeys: SubjectKeys
  /** Object keys for reading: derived once for the values of a batch that stand together. */
  readonly objectCache: KeyCache
  readonly random: Random
}): Values {
  const { store, tenantKeys, subjectKeys, objectCache, random } = options

  function objectKeyOf(tenant: string, from: KeySlot, salt: Uint8Array, info: string): KeySlot {
    const name = `${tenant}/${Buffer.from(salt).toString('latin1')}${info}`
    return objectCache.get(name) ?? objectCache.put(name, objectKey(from.bytes, salt, info))
  }

  function openValue({ tenant, purpose, place }: SealPlace, sealed: Uint8Array): Promise<Uint8Array | undefined> {
    if (sealed[0] === layouts.first) return openFirst(tenant, place, sealed)
    const { epoch, salt, rest } = readHead(layouts.value, sealed, place)
    const info = keyInfo(purpose, tenant, epoch)
    const open = (key: KeySlot) => openSealed(objectKeyOf(tenant, key, salt, info).bytes, place, rest)
    return tenantKeys.useOld(tenant, epoch, open)
  }

  const openFirst = (tenant: string, place: string, sealed: Uint8Array) =>
    tenantKeys.useOld(tenant, 0, (key) => openFirstLayout(key.bytes, place, sealed))

  return {
    seal: ({ tenant, purpose, place }, plain) =>
      tenantKeys.useCurrent(tenant, (key, epoch) => {
        using batch = openSealBatch(random)
        const sealed = batch.key(key.bytes, keyInfo(purpose, tenant, epoch)).seal(place, plain)
        return Buffer.concat([headOf(layouts.value, epoch, batch.salt), sealed])
      }),

    open: async (at, sealed) => {
      const plain = await openValue(at, sealed)
      if (plain !== undefined) return plain
      if (!store.isTenantErased(at.tenant)) throw unreadable(at.place, 'a key that is not there')
      const attempted = `opening the sealed value of ${at.place}`
      throw sealingError('KEYS_ERASED', { attempted, received: at.tenant })
    },

    sealPersonal: async (tenant, batch) => {
      const subjects = new Set(batch.flatMap(({ values }) => values.map(({ subject }) => subject)))
      const labels = await subjectKeys.labelsOf(tenant, subjects)
      return subjectKeys.useCurrent(tenant, labels.values(), (keyOf, epoch) => {
        using writer = openSealBatch(random)
        const head = headOf(layouts.personal, epoch, writer.salt)
        const keys = new Map<string, { readonly id: string; readonly key: ObjectKey }>()
        for (const [subject, label] of labels) {
          const { id, key } = keyOf(label)
          keys.set(subject, { id, key: writer.key(key.bytes, keyInfo('personal', tenant, epoch, id)) })
        }
        return batch.map(({ place, values }) => {
          const parts = values.map(({ subject, plain }) => {
            const { id, key } = keys.get(subject) as { id: string; key: ObjectKey }
            return partOf(id, key.seal(place, plain))
          })
          return Buffer.concat([head, ...parts])
        })
      })
    },

    openPersonal: async (tenant, place, sealed) => {
      if (sealed[0] === layouts.first) {
        const plain = await openFirst(tenant, place, sealed)
        if (plain !== undefined) return { values: [plain], erased: 0, lost: 0 }
        return store.isTenantErased(tenant) ? { values: [], erased: 1, lost: 0 } : { values: [], erased: 0, lost: 1 }
      }
      const { epoch, salt, rest } = readHead(layouts.personal, sealed, place)
      const values: Uint8Array[] = []
      let [erased, lost] = [0, 0]
      for (const part of readParts(rest, place)) {
        const info = keyInfo('personal', tenant, epoch, part.id)
        const open = (key: KeySlot) => openSealed(objectKeyOf(tenant, key, salt, info).bytes, place, part.sealed)
        const plain = await subjectKeys.useOld(tenant, part.id, open)
        if (plain !== undefined) values.push(plain)
        else if (store.wasErased(part.id)) erased += 1
        else lost += 1
      }
      return { values, erased, lost }
    },

    labelOf: async (tenant, subject) =>
      ((await subjectKeys.labelsOf(tenant, [subject])).get(subject) as Uint8Array).toHex(),
  }
}
