// SPDX-License-Identifier: Apache-2.0

import { createHmac } from 'node:crypto'
import { isSealwatchError } from '@sealwatch/base'
import { keyInfo, openAlone, type Random, sealAlone } from './envelope.ts'
import { sealingError } from './errors.ts'
import type { KeyCache } from './key-cache.ts'
import type { KeyStore, SubjectKeyRow } from './key-store.ts'
import { type KeySlot, keyBytes } from './locked-memory.ts'
import type { TenantKeys } from './tenant-keys.ts'

export const labelBytes = 16
/** Of a key: drawn by chance, so that a number means one key for ever, also after an older copy was restored. */
export const subjectIdBytes = 8

const subjectKeysMax = 1_000_000
/** The key that draws labels has the place of a label that nobody has. */
const labelOfLabels = new Uint8Array(labelBytes)

export type SubjectKey = { readonly id: string; readonly key: KeySlot }

/** The keys of persons, one for each person, tenant and epoch, made at first use. */
export type SubjectKeys = {
  /** Pseudonyms of persons; whoever lacks the tenant's keys cannot tell whose they are. */
  labelsOf(tenant: string, subjects: Iterable<string>): Promise<ReadonlyMap<string, Uint8Array>>
  /**
   * Does `work` with the current keys of these labels, those that are new made and durable first. Throws KEYS_ERASED,
   * KEYS_UNAVAILABLE or KEYS_SUBJECTS_FULL.
   */
  useCurrent<T>(
    tenant: string,
    labels: Iterable<Uint8Array>,
    work: (keyOf: (label: Uint8Array) => SubjectKey, epoch: number) => T,
  ): Promise<T>
  /** Does `work` with a key; undefined when there is none (any more). Throws KEYS_UNAVAILABLE. */
  useOld<T>(tenant: string, id: string, work: (key: KeySlot) => T): Promise<T | undefined>
}

export function createSubjectKeys(options: {
  readonly store: KeyStore
  readonly tenantKeys: TenantKeys
  readonly cache: KeyCache
  readonly random: Random
}): SubjectKeys {
  const { store, tenantKeys, cache, random } = options
  const counts = new Map<string, number>()
  const nameOf = (tenant: string, id: string) => `${tenant}/${id}`
  const placeOf = (tenant: string, { id, label }: Pick<SubjectKeyRow, 'id' | 'label'>) =>
    `subject-key/${tenant}/${id}/${label.toHex()}`
  const unwrap = (tenantKey: KeySlot, tenant: string, row: SubjectKeyRow) =>
    openAlone(tenantKey.bytes, keyInfo('subject-key', tenant, row.epoch), placeOf(tenant, row), row.wrapped)

  /** Makes a key that is not durable yet. */
  function make(tenantKey: KeySlot, tenant: string, label: Uint8Array, epoch: number): SubjectKeyRow {
    const id = Buffer.from(random(subjectIdBytes)).toString('hex')
    const key = random(keyBytes)
    const info = keyInfo('subject-key', tenant, epoch)
    const wrapped = sealAlone(random, tenantKey.bytes, info, placeOf(tenant, { id, label }), key)
    key.fill(0)
    return { id, label, epoch, wrapped }
  }

  function add(tenant: string, rows: readonly SubjectKeyRow[]): void {
    if (rows.length === 0) return
    let count = (counts.get(tenant) ?? store.subjectKeyCount(tenant)) + rows.length
    // What was erased meanwhile is not counted any more.
    if (count > subjectKeysMax) count = store.subjectKeyCount(tenant) + rows.length
    if (count > subjectKeysMax)
      throw sealingError('KEYS_SUBJECTS_FULL', { attempted: `making keys of persons for ${tenant}`, received: count })
    // Durable before anything is sealed under them.
    store.addSubjectKeys(tenant, rows)
    counts.set(tenant, count)
  }

  async function fetchLabelKey(tenant: string): Promise<Uint8Array> {
    const known = store.firstSubjectKey(tenant, labelOfLabels)
    if (known === undefined) {
      await tenantKeys.useCurrent(tenant, (tenantKey, epoch) => {
        if (store.firstSubjectKey(tenant, labelOfLabels) === undefined)
          add(tenant, [make(tenantKey, tenant, labelOfLabels, epoch)])
      })
      return fetchLabelKey(tenant)
    }
    return unwrapOf(tenant, known)
  }

  /** Looks the row up at every attempt: after an eviction it may be gone, and must not come back from memory. */
  async function unwrapById(tenant: string, id: string): Promise<Uint8Array> {
    const row = store.subjectKeyById(tenant, id)
    if (row !== undefined) return unwrapOf(tenant, row)
    throw sealingError('KEYS_ERASED', { attempted: `fetching a key of the tenant ${tenant}`, received: id })
  }

  async function unwrapOf(tenant: string, row: SubjectKeyRow): Promise<Uint8Array> {
    const key = await tenantKeys.useOld(tenant, row.epoch, (tenantKey) => unwrap(tenantKey, tenant, row))
    if (key !== undefined) return key
    throw sealingError('KEYS_ERASED', { attempted: `fetching a key of the tenant ${tenant}`, received: row.id })
  }

  return {
    labelsOf: (tenant, subjects) =>
      cache.use(
        nameOf(tenant, 'labels'),
        () => fetchLabelKey(tenant),
        ({ bytes }) =>
          new Map(
            Array.from(new Set(subjects), (subject) => [
              subject,
              createHmac('sha256', bytes).update(subject).digest().subarray(0, labelBytes),
            ]),
          ),
      ),
    useCurrent: (tenant, labels, work) =>
      tenantKeys.useCurrent(tenant, (tenantKey, epoch) => {
        const rows = new Map<string, SubjectKeyRow>()
        const made: SubjectKeyRow[] = []
        for (const label of labels) {
          const name = label.toHex()
          if (rows.has(name)) continue
          let row = store.subjectKey(tenant, label, epoch)
          if (row === undefined) {
            const fresh = make(tenantKey, tenant, label, epoch)
            made.push(fresh)
            row = fresh
          }
          rows.set(name, row)
        }
        add(tenant, made)
        return work((label) => {
          const row = rows.get(label.toHex()) as SubjectKeyRow
          const name = nameOf(tenant, row.id)
          return { id: row.id, key: cache.get(name) ?? cache.put(name, unwrap(tenantKey, tenant, row)) }
        }, epoch)
      }),
    useOld: async (tenant, id, work) => {
      const name = nameOf(tenant, id)
      const held = cache.get(name)
      if (held !== undefined) return work(held)
      if (store.subjectKeyById(tenant, id) === undefined) return undefined
      try {
        return await cache.use(name, () => unwrapById(tenant, id), work)
      } catch (error) {
        if (isSealwatchError(error, 'KEYS_ERASED')) return undefined
        throw error
      }
    },
  }
}
