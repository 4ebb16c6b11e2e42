// SPDX-License-Identifier: Apache-2.0

import { errorsOf } from '@sealwatch/base'
import { type Ledger, ledgerErrors } from '@sealwatch/ledger'
import type { Store } from '../store/index.ts'
import type { Ledgers } from './ledgers.ts'

const ledgerError = errorsOf(ledgerErrors)

/** The name of the root ledger, which no tenant can have: there is a slash in it. */
const rootName = '/root'

const byName = (ledgers: Ledgers): [string, Ledger][] => [
  [rootName, ledgers.root],
  ...ledgers.tenants.map((tenant): [string, Ledger] => [tenant, ledgers.get(tenant)]),
]

/**
 * Writes down in the database what was signed last of each ledger, in another place than the ledgers: whoever sets back
 * or rewrites a ledger's folder, checkpoint and all, contradicts it.
 */
export function createSignedHeads(store: Store, ledgers: Ledgers): { remember(): Promise<void> } {
  const written = new Map<string, number>()
  return {
    remember: async () => {
      const rows = byName(ledgers).flatMap(([ledger, { signed }]) =>
        signed === undefined || written.get(ledger) === signed.size
          ? []
          : [{ ledger, size: signed.size, root: signed.root.toHex() }],
      )
      if (rows.length === 0) return
      await store.derived(async (tx) => {
        for (const row of rows)
          await tx
            .insertInto('signed_heads')
            .values(row)
            .onConflict((conflict) => conflict.column('ledger').doUpdateSet({ size: row.size, root: row.root }))
            .execute()
      })
      for (const { ledger, size } of rows) written.set(ledger, size)
    },
  }
}

/** Throws LEDGER_BEHIND unless every ledger still leads to what the database knows to have been signed. */
export async function checkSignedHeads(store: Store, ledgers: Ledgers): Promise<void> {
  const known = new Map(byName(ledgers))
  for (const { ledger: name, size, root } of await store.db.selectFrom('signed_heads').selectAll().execute()) {
    const ledger = known.get(name)
    if (ledger === undefined) continue
    const holds = ledger.signed !== undefined && ledger.size >= size && ledger.rootAt(size).toHex() === root
    if (holds) continue
    const found = ledger.signed === undefined ? 'no checkpoint' : 'lines that do not lead to it'
    const received = `${ledger.size} lines with ${found}, where ${size} were signed as ${root.slice(0, 16)}…`
    throw ledgerError('LEDGER_BEHIND', { attempted: `opening the ledger ${ledger.origin}`, received })
  }
}
