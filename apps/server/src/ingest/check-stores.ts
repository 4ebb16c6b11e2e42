// SPDX-License-Identifier: Apache-2.0

import { errorsOf } from '@sealwatch/base'
import { ledgerErrors } from '@sealwatch/ledger'
import { type Store, storeErrors } from '../store/index.ts'
import type { Ledgers } from './ledgers.ts'
import { checkSignedHeads } from './signed-heads.ts'

const ledgerError = errorsOf(ledgerErrors)
const storeError = errorsOf(storeErrors)

/**
 * Holds ledgers and database against each other before anything is written. Throws LEDGER_BEHIND when a ledger has less
 * than the index has seen of it, or something else than was signed, and STORE_MISSING when ledgers are there and the database is new.
 */
export async function checkStores(store: Store, ledgers: Ledgers): Promise<void> {
  const cursors = await store.db.selectFrom('cursors').selectAll().where('follower', '=', 'index').execute()
  for (const { tenant, position } of cursors) {
    const { size, origin } = ledgers.get(tenant)
    if (size >= position) continue
    const received = `${size} lines where the index has seen ${position}`
    throw ledgerError('LEDGER_BEHIND', { attempted: `opening the ledger ${origin}`, received })
  }
  await checkSignedHeads(store, ledgers)
  // The first line is written at the first start itself; whatever follows leaves a trace in the database before.
  const grown = ledgers.tenants.filter((tenant) => ledgers.get(tenant).size > 1)
  if (cursors.length > 0 || grown.length === 0) return
  const token = await store.db.selectFrom('join_tokens').select('secret_hash').limit(1).executeTakeFirst()
  if (token === undefined) {
    throw storeError('STORE_MISSING', { attempted: 'opening the database', received: `ledgers of ${grown.join(', ')}` })
  }
}
