// SPDX-License-Identifier: Apache-2.0

import type { Io } from '../io.ts'
import { columns, paint, safe } from '../terminal.ts'

/** One thing that was tried, and what came of it. */
export type Row = {
  readonly name: string
  readonly did: string
  readonly ok: boolean
  readonly detail: string
  /** From the act to its being durable in the ledger. */
  readonly ms?: number
  readonly leafIndex?: number
}

export function renderRows(rows: readonly Row[], io: Io): string {
  const cells = rows.map(({ name, did, ok, detail }) => [
    ok ? paint(io, 'green', '  ✓') : paint(io, ['red', 'bold'], '  ✗'),
    paint(io, 'bold', name),
    did,
    ok ? safe(detail) : paint(io, 'red', safe(detail)),
  ])
  const red = rows.filter(({ ok }) => !ok).length
  const verdict =
    red === 0 ? paint(io, 'green', 'All good.') : paint(io, ['red', 'bold'], `${red} of ${rows.length} failed.`)
  return `${columns(cells)}\n${verdict}\n`
}
