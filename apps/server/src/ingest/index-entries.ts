// SPDX-License-Identifier: Apache-2.0

import { type Clock, systemClock } from '@sealwatch/base'
import { eventClasses } from '@sealwatch/contract'
import type { Ledger } from '@sealwatch/ledger'
import type { Outbox, Store } from '../store/index.ts'
import type { IndexPiece, IndexPort } from './index/port.ts'

/** Leaves in one transaction, or hardly more. */
const linesMax = 8192
/** Where lines come faster than they are written, those of so long share a transaction. */
const gatherMs = 10

/**
 * Follows a ledger into the SQL index, until the signal fires. Rows and cursor move in one transaction; what stands in the
 * index leaves the outbox after it, and before anybody hears of the position.
 */
export async function indexEntries(options: {
  readonly ledger: Ledger
  readonly store: Store
  readonly index: IndexPort
  readonly outbox: Outbox
  readonly clock?: Clock
  readonly signal: AbortSignal
  readonly onIndexed: (position: number) => void
}): Promise<void> {
  const { ledger, store, index, outbox, clock = systemClock, signal, onIndexed } = options
  const { tenant } = ledger
  const saved = await store.index.selectFrom('cursors').selectAll().where('tenant', '=', tenant).executeTakeFirst()
  let next = saved?.position ?? 0
  let sideNext = saved?.side_position ?? 0
  await outbox.settleIndexed(tenant, next)
  onIndexed(next)
  const tail = ledger.tail(index.room, eventClasses.finding.uid)
  try {
    while (!signal.aborted) {
      const stretch = await tail.read(next, linesMax)
      if (stretch === undefined) {
        await ledger.waitFor(next, signal)
        continue
      }
      const first = next
      next += stretch.count
      const side = await readSide(ledger, sideNext, next)
      sideNext = side.next
      const piece: IndexPiece = { tenant, ownChain: ledger.chain, first, stretch, side: side.rows, sideNext }
      const placed = await index.write(piece)
      await outbox.settle(
        tenant,
        next,
        placed.map(({ uid }) => uid),
      )
      onIndexed(next)
      const waiting = ledger.size - next
      if (waiting > 0 && waiting < linesMax) await clock.sleep(gatherMs, signal)
    }
  } finally {
    tail.close()
  }
}

async function readSide(ledger: Ledger, from: number, leaf: number) {
  const rows: { index: number; sealed: Uint8Array }[] = []
  for (let next = from; ; ) {
    const read = await ledger.readSide(next, leaf)
    if (read.next === next) return { rows, next }
    rows.push(...read.rows)
    next = read.next
  }
}
