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
  /** What watches does not see this, and says so: no fault. */
  readonly unseen?: boolean
}

export const isRed = ({ ok, unseen }: Row): boolean => !ok && unseen !== true

export function renderRows(rows: readonly Row[], io: Io): string {
  const cells = rows.map((row) => [
    row.ok ? paint(io, 'green', '  ✓') : row.unseen ? paint(io, 'yellow', '  –') : paint(io, ['red', 'bold'], '  ✗'),
    paint(io, 'bold', row.name),
    row.did,
    row.ok ? safe(row.detail) : paint(io, row.unseen ? 'yellow' : 'red', safe(row.detail)),
  ])
  const red = rows.filter(isRed).length
  const unseen = rows.filter((row) => row.unseen).length
  const good = unseen === 0 ? 'All good.' : `All good but ${unseen} that nobody sees without BPF: docs/fallbacks.md.`
  const verdict = red === 0 ? paint(io, 'green', good) : paint(io, ['red', 'bold'], `${red} of ${rows.length} failed.`)
  return `${columns(cells)}\n${verdict}\n`
}
