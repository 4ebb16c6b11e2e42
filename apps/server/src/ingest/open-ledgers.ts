// SPDX-License-Identifier: Apache-2.0

import { errorsOf } from '@sealwatch/base'
import { type Ledger, ledgerErrors } from '@sealwatch/ledger'
import { tenantError } from '../tenants/index.ts'
import type { PlacedHead } from './root/root-book.ts'

const ledgerError = errorsOf(ledgerErrors)

/** Ledgers that wait for the disk together. */
const opensAtOnce = 32

/** The ledgers of tenants that are open, by name. */
export type OpenLedgers = {
  readonly tenants: readonly string[]
  entries(): Iterable<readonly [tenant: string, ledger: Ledger]>
  has(tenant: string): boolean
  /** Throws TENANT_UNKNOWN. */
  get(tenant: string): Ledger
  /** Opens, or founds, the ledgers of tenants; those that are open stay so. Throws LEDGER_BEHIND. */
  open(tenants: readonly string[]): Promise<void>
  close(tenant: string): Promise<void>
  closeAll(): Promise<void>
}

export function createOpenLedgers(options: {
  readonly openLedger: (tenant: string) => Promise<Ledger>
  /** What the root ledger says of a tenant. */
  readonly headOf: (tenant: string) => PlacedHead | undefined
}): OpenLedgers {
  const { openLedger, headOf } = options
  const ledgers = new Map<string, Ledger>()

  function get(tenant: string): Ledger {
    const ledger = ledgers.get(tenant)
    if (ledger === undefined) throw tenantError('TENANT_UNKNOWN', { attempted: 'opening a ledger', received: tenant })
    return ledger
  }

  async function openOne(tenant: string): Promise<void> {
    if (ledgers.has(tenant)) return
    const ledger = await openLedger(tenant)
    try {
      extendsItsHead(ledger, headOf(tenant))
    } catch (cause) {
      await ledger.close()
      throw cause
    }
    ledgers.set(tenant, ledger)
  }

  async function close(tenant: string): Promise<void> {
    const ledger = get(tenant)
    ledgers.delete(tenant)
    await ledger.close()
  }

  return {
    get tenants() {
      return [...ledgers.keys()]
    },
    entries: () => ledgers.entries(),
    has: (tenant) => ledgers.has(tenant),
    get,
    open: async (tenants) => {
      for (let from = 0; from < tenants.length; from += opensAtOnce) {
        const opening = await Promise.allSettled(tenants.slice(from, from + opensAtOnce).map(openOne))
        const failed = opening.find(({ status }) => status === 'rejected')
        if (failed?.status === 'rejected') throw failed.reason
      }
    },
    close,
    closeAll: async () => {
      for (const tenant of ledgers.keys()) await close(tenant)
    },
  }
}

/** What the root ledger says of a tenant must still be there. */
function extendsItsHead({ origin, size, rootAt }: Ledger, head: PlacedHead | undefined): void {
  if (head === undefined || (size >= head.size && rootAt(head.size).toHex() === head.root)) return
  const received = `${size} lines, where the root ledger vouches for ${head.size} that they do not lead to`
  throw ledgerError('LEDGER_BEHIND', { attempted: `opening the ledger ${origin}`, received })
}
