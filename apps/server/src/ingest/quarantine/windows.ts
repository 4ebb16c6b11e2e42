// SPDX-License-Identifier: Apache-2.0

import type { QuarantineRow } from './judge-item.ts'

/** Items that are judged together: so many are in memory, or so many bytes and an item more. */
const windowMax = { items: 32, bytes: 8 * 1024 * 1024 } as const

/** Pieces of a page, in its order. No two items of one are of the same submission: what becomes of one decides the other. */
export function* windowsOf(
  rows: readonly QuarantineRow[],
  max: { readonly items: number; readonly bytes: number } = windowMax,
): Generator<QuarantineRow[]> {
  let window: QuarantineRow[] = []
  let bytes = 0
  for (const row of rows) {
    const isFull = window.length >= max.items || bytes >= max.bytes
    // A submission has a chain of its own (keep-submission.ts); of a host's the places differ.
    const isOther = (one: QuarantineRow) => one.chain !== row.chain || one.first_seq !== row.first_seq
    if (isFull || !window.every(isOther)) {
      yield window
      window = []
      bytes = 0
    }
    window.push(row)
    bytes += row.kept_bytes ?? 0
  }
  if (window.length > 0) yield window
}
