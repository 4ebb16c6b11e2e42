// SPDX-License-Identifier: Apache-2.0

import { errorsOf } from '@sealwatch/base'
import { equal, type Ledger, leafHash, ledgerErrors, sha256 } from '@sealwatch/ledger'
import { type Entry, isAlert } from '../data/entry.ts'
import { entryFacts } from '../data/entry-json.ts'
import { ancestryOf, reasonOf } from '../data/event-detail.ts'
import { provenSizes } from '../data/proof.ts'
import type { ApiPorts } from '../ports.ts'

const ledgerError = errorsOf(ledgerErrors)

/**
 * A line as the feed tells it (docs/api.md, Feed), made once for all who hear of it: so it holds nothing that one may see
 * and another may not. `cursor` is where to go on after it. Throws LEDGER_ALTERED.
 */
export function entryFrame(ledger: Ledger, entry: Entry): Buffer {
  const { leaf, line } = entry
  const [due] = ledger.leafHashes(leaf, leaf + 1)
  if (due === undefined || !equal(leafHash(sha256, line), due))
    throw ledgerError('LEDGER_ALTERED', { attempted: `telling leaf ${leaf} of ${ledger.origin}` })
  const isFound = isAlert(entry)
  const told = {
    type: isFound ? 'alert' : 'event',
    cursor: leaf + 1,
    ...entryFacts(ledger, entry),
    ...(isFound ? { reason: reasonOf(entry), ancestry: ancestryOf(entry) } : {}),
  }
  // The line goes out as it is.
  return Buffer.concat([Buffer.from(`${JSON.stringify(told).slice(0, -1)},"line":`), line, brace])
}

const brace = Buffer.from('}')

export type Head = {
  readonly size: number
  readonly signed: number
  readonly published: number
  readonly published_at: string | null
  readonly quorum: 'met' | 'below' | 'none'
}

/** How far the ledger goes and is proven now. */
export function headOf(ledgers: ApiPorts['ledgers'], tenant: string): Head {
  const { published } = ledgers.vouched(tenant) ?? {}
  return {
    ...provenSizes(ledgers, tenant),
    published_at: published === undefined ? null : new Date(published.atMs).toISOString(),
    quorum: published?.quorum ?? 'none',
  }
}

export const headFrame = (head: Head, cursor: number): Buffer =>
  Buffer.from(JSON.stringify({ type: 'head', cursor, ...head }))
