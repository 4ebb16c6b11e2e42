// SPDX-License-Identifier: Apache-2.0

import { type Picture, type RowsByReason, reasons, rowsIn } from './quarantine.ts'

export type Columns = {
  readonly seconds: number
  /** In their order and without a gap, also where nothing came. */
  readonly columns: readonly { readonly at: string; readonly rows: RowsByReason; readonly total: number }[]
  /** The highest. */
  readonly most: number
}

const columnsMax = 60
const columnsMin = 24

/** What came when, up to now: that it has ended shows as well. */
export function columnsOf({ bucket_seconds: width, buckets }: Picture, nowMs: number): Columns {
  const starts = buckets.map(({ at }) => Date.parse(at) / 1000)
  const [first = 0, last = first] = [starts[0], starts.at(-1)]
  const now = Math.max(last, nowMs / 1000)
  const seconds = width * Math.ceil((Math.floor((now - first) / width) + 1) / columnsMax)
  const end = Math.floor((now - first) / seconds) + 1
  const before = Math.max(0, columnsMin - end)
  const columns = Array.from({ length: end + before }, (_, i) => ({
    at: `${new Date((first + (i - before) * seconds) * 1000).toISOString().slice(0, 19)}Z`,
    rows: { unknown_key: 0, invalid_signature: 0, key_revoked: 0, key_not_yet_valid: 0, key_expired: 0 },
    total: 0,
  }))
  for (const [i, start] of starts.entries()) {
    const column = columns[Math.floor((start - first) / seconds) + before]
    const rows = buckets[i]?.rows
    if (column === undefined || rows === undefined) continue
    for (const reason of reasons) column.rows[reason] += rows[reason]
    column.total += rowsIn(rows)
  }
  return { seconds, columns, most: Math.max(0, ...columns.map(({ total }) => total)) }
}
