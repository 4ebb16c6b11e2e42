// SPDX-License-Identifier: Apache-2.0

import type { Shown } from './evidence.ts'
import { type LineKind, lineKinds } from './words.ts'

/** `text`: words that the line must have, as the list shows it; empty: any. `kinds`: empty: all. */
export type Filter = { readonly text: string; readonly kinds: readonly LineKind[] }

const sliceRows = 2000

/**
 * Rows that pass, in order. By kind alone it looks at one number a row; with text it reads the lines again, in slices,
 * and says after each how far it has come; `isStale` ends it early.
 */
export async function filterRows(
  shown: Shown,
  { text, kinds }: Filter,
  onProgress?: (rowsDone: number) => void,
  isStale: () => boolean = () => false,
): Promise<Uint32Array | undefined> {
  const wanted = new Set(kinds.map((kind) => lineKinds.indexOf(kind)))
  const words = text.toLowerCase().split(/\s+/).filter(Boolean)
  const rows = new Uint32Array(shown.rows)
  let count = 0
  for (let from = 0; from < shown.rows; from += sliceRows) {
    const to = Math.min(shown.rows, from + sliceRows)
    const candidates: number[] = []
    for (let row = from; row < to; row += 1)
      if (wanted.size === 0 || wanted.has(shown.kind.at(row))) candidates.push(row)
    const passing = words.length === 0 ? candidates : await withText(shown, candidates, words)
    for (const row of passing) rows[count++] = row
    if (words.length === 0) continue
    onProgress?.(to)
    if (isStale()) return undefined
  }
  return rows.slice(0, count)
}

async function withText(shown: Shown, candidates: readonly number[], words: readonly string[]): Promise<number[]> {
  const lines = await shown.lines(candidates)
  return lines
    .filter(({ words: { actor, action, time, kind } }) => {
      const said = `${actor} ${action} ${time} ${kind}`.toLowerCase()
      return words.every((word) => said.includes(word))
    })
    .map(({ row }) => row)
}
