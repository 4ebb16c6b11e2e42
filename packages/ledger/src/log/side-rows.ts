// SPDX-License-Identifier: Apache-2.0

import type { AppendFile, Disk } from '@sealwatch/base'
import { readChunk } from './line-store.ts'

/** Sealed personal values beside the lines of a ledger: rows "<leaf> <base64>\n" in the order of the leaves. */
export type SideRow = { readonly index: number; readonly sealed: Uint8Array }

const readBytesMax = 4 * 1024 * 1024

export const sideRow = (index: number, sealed: Uint8Array): string =>
  `${index} ${Buffer.from(sealed).toString('base64')}\n`

/** Whole rows from byte `from` on that belong to leaves before `leaf`; `next` is the byte after the last of them. */
export async function readSideRows(
  disk: Disk,
  path: string,
  from: number,
  leaf: number,
): Promise<{ rows: SideRow[]; next: number }> {
  const chunk = await readChunk(disk, path, from, readBytesMax)
  const rows: SideRow[] = []
  let next = 0
  for (let end = chunk.indexOf(0x0a, next); end >= 0; end = chunk.indexOf(0x0a, next)) {
    const [index, sealed] = Buffer.from(chunk.subarray(next, end)).toString('latin1').split(' ')
    if (Number(index) >= leaf || sealed === undefined) break
    rows.push({ index: Number(index), sealed: Buffer.from(sealed, 'base64') })
    next = end + 1
  }
  return { rows, next: from + next }
}

/** Takes back what follows the rows of the first `size` leaves: their lines never became durable. */
export async function cutSide(disk: Disk, side: AppendFile, from: number, size: number): Promise<void> {
  let { next } = await readSideRows(disk, side.path, from, size)
  for (let last = from; next > last; { next } = await readSideRows(disk, side.path, last, size)) last = next
  if (next < side.size) await side.truncate(next)
}
