// SPDX-License-Identifier: Apache-2.0

import { type Log, parseRfc3339, rfc3339 } from '@sealwatch/base'
import type { Body, Ledger } from '@sealwatch/ledger'
import { auditTenant, type RecordOptions } from '../../identity/index.ts'
import { across, outboxUid, type Store } from '../../store/index.ts'
import type { KeyName, SigningKey } from '../signing-key.ts'
import type { StrictSwitch } from '../strictness/solo-time.ts'
import type { StrictRow } from '../strictness/strict-rows.ts'
import { type Acknowledged, acknowledgedIn } from './acknowledgements.ts'
import { type KeyBook, takeKeyLine, unsaidOf } from './key-lines.ts'
import type { OwnAct } from './own-act.ts'
import { actsOf, type ReadLedger, takeKeyLines } from './own-lines.ts'
import { strictActIn, unsaidOfStrict } from './strict-acts.ts'
import { tellUnvouched, type Unvouched } from './tell.ts'

/**
 * Holds rows that let something count against the lines that say so: whoever can write into the database cannot write into a
 * ledger unseen. What waits in the outbox is as good as a line, for nothing of it counts before it is one.
 */
export type Vouching = {
  /** Keys that count for nothing; told with an alarm. */
  keys(rows: readonly SigningKey[]): Promise<readonly KeyName[]>
  /** Tenants whose row says "off", and their ledger does not. */
  strict(rows: readonly StrictRow[]): Promise<readonly string[]>
  /** Lines of a tenant's ledger that switch strict signatures, from about `since` (RFC 3339) on, in their order. */
  switchesSince(tenant: string, since: string): Promise<readonly StrictSwitch[]>
  /** Of the first line of the cluster's ledger about it; `waitsAs`: its uid, as long as it waits for the ledger. */
  acknowledged(digest: string): Promise<(Acknowledged & { readonly waitsAs: string | undefined }) | undefined>
}

export function createVouching(
  options: RecordOptions & {
    readonly ledgers: { has(tenant: string): boolean; get(tenant: string): ReadLedger & Pick<Ledger, 'tenant'> }
    readonly log: Log
  },
): Vouching {
  const { store, ledgers } = options
  const { index } = store

  async function keyBookOf(tenant: string): Promise<KeyBook> {
    const book: KeyBook = new Map()
    const take = (body: Body) => takeKeyLine(book, body)
    await takeKeyLines({ ledger: ledgers.get(tenant), index }, take, () => book.clear())
    for (const body of await waitingFor(store, tenant)) take(body)
    return book
  }

  async function switchesSince(tenant: string, since: string): Promise<readonly StrictSwitch[]> {
    const found: StrictSwitch[] = []
    for await (const { line } of actsOf({ ledger: ledgers.get(tenant), index }, since)) {
      const act = strictActIn(line)
      if (act !== undefined) found.push({ act, atNs: parseRfc3339(line.time) ?? 0n })
    }
    return found
  }

  async function acknowledged(digest: string): ReturnType<Vouching['acknowledged']> {
    for await (const { line } of actsOf({ ledger: ledgers.get(auditTenant), index }, rfc3339(0n))) {
      const said = acknowledgedIn(line)
      if (said?.digest === digest) return { ...said, waitsAs: undefined }
    }
    for (const body of await waitingFor(store, auditTenant)) {
      const said = acknowledgedIn(body)
      if (said?.digest === digest) return { ...said, waitsAs: outboxUid(auditTenant, body) }
    }
    return undefined
  }

  async function unsaidSince(row: StrictRow, since: string): Promise<string | undefined> {
    let last: OwnAct | undefined = (await switchesSince(row.tenant, since)).at(-1)?.act
    for (const body of await waitingFor(store, row.tenant)) last = strictActIn(body) ?? last
    return unsaidOfStrict(row, last)
  }

  return {
    switchesSince,
    acknowledged,
    keys: async (rows) => {
      const found: Unvouched[] = []
      const silent: KeyName[] = []
      // The hosts of a tenant that is gone stand in the cluster's ledger, too.
      const placeOf = ({ tenant, kind }: SigningKey) =>
        ledgers.has(tenant) ? tenant : kind === 'host' ? auditTenant : undefined
      for (const [place, keys] of Map.groupBy(rows, placeOf)) {
        if (place === undefined || !ledgers.has(place)) {
          silent.push(...keys)
          continue
        }
        const book = await keyBookOf(place)
        for (const key of keys) {
          const why = unsaidOf(key, book)
          if (why === undefined) continue
          silent.push(key)
          found.push({ tenant: place, kind: 'signing_key', name: key.keyId, why })
        }
      }
      await tellUnvouched(options, found)
      return silent
    },
    strict: async (rows) => {
      const found: Unvouched[] = []
      for (const row of rows) {
        const { tenant, since } = row
        if (!ledgers.has(tenant)) continue
        // Its line may have an earlier time than it has itself: before it is called altered all of them are read.
        const why = (await unsaidSince(row, since)) && (await unsaidSince(row, rfc3339(0n)))
        if (why !== undefined) found.push({ tenant, kind: 'strict_mode', name: tenant, why })
      }
      await tellUnvouched(options, found)
      return found.map(({ tenant }) => tenant)
    },
  }
}

/** What is to enter the ledger of a tenant, in its order. */
export async function waitingFor({ db }: Pick<Store, 'db'>, tenant: string): Promise<Body[]> {
  const rows = await across(db, 'start')
    .selectFrom('outbox')
    .select('body')
    .where('tenant', '=', tenant)
    .orderBy('id')
    .execute()
  return rows.map(({ body }) => JSON.parse(body) as Body)
}
