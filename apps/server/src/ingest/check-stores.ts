// SPDX-License-Identifier: Apache-2.0

import { errorsOf } from '@sealwatch/base'
import { ledgerErrors } from '@sealwatch/ledger'
import { across, type Store, storeErrors } from '../store/index.ts'
import type { Ledgers } from './ledgers.ts'
import { checkSignedHeads } from './signed-heads.ts'

const ledgerError = errorsOf(ledgerErrors)
const storeError = errorsOf(storeErrors)

/**
 * Holds ledgers and database against each other before anything is written. Throws LEDGER_BEHIND when a ledger has less
 * than was seen of it, or something else than was signed, and STORE_MISSING when ledgers are there and the database is new.
 */
export async function checkStores(store: Store, ledgers: Ledgers): Promise<void> {
  const remembered = await across(store.db, 'start').selectFrom('cursors').select(['tenant', 'position']).execute()
  const indexed = await across(store.index, 'start').selectFrom('cursors').select(['tenant', 'position']).execute()
  for (const { tenant, position } of [...remembered, ...indexed]) {
    // Of a tenant that is being erased the ledger may be gone.
    if (!ledgers.has(tenant)) continue
    const { size, origin } = ledgers.get(tenant)
    if (size >= position) continue
    const received = `${size} lines where the database has seen ${position}`
    throw ledgerError('LEDGER_BEHIND', { attempted: `opening the ledger ${origin}`, received })
  }
  await checkSignedHeads(store, ledgers)
  // The first line is written at the first start itself; whatever follows leaves a trace in the database before.
  const grown = ledgers.tenants.filter((tenant) => ledgers.get(tenant).size > 1)
  if (remembered.length > 0 || grown.length === 0) return
  const token = await across(store.db, 'start')
    .selectFrom('join_tokens')
    .select('secret_hash')
    .limit(1)
    .executeTakeFirst()
  const waiting = await across(store.db, 'start').selectFrom('outbox').select('id').limit(1).executeTakeFirst()
  if (token === undefined && waiting === undefined) {
    throw storeError('STORE_MISSING', { attempted: 'opening the database', received: `ledgers of ${grown.join(', ')}` })
  }
}
