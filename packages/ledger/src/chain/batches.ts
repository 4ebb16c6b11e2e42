// SPDX-License-Identifier: Apache-2.0

import type { Disk } from '@sealwatch/base'
import type { Ed25519Signer } from '@sealwatch/keys'
import { chainStart } from '../verify/chain.ts'
import { findChainFile } from './rotated.ts'
import { type Extent, firstSeqOf, readExtent, readSideExtent, type Segment, scanSegment } from './segment.ts'

/** A whole batch as it lies on disk: `count` lines, each ended by a newline, the last one a head. */
export type ChainBatch = {
  readonly chain: string
  readonly firstSeq: number
  readonly count: number
  readonly lines: Uint8Array
  readonly side: readonly { readonly seq: number; readonly values: Uint8Array }[]
}

/** An append as it was written to `offset` of a file, and lies in memory still. */
export type Written = { readonly file: string; readonly offset: number; readonly lines: Uint8Array }

type Place = {
  readonly dir: string
  readonly tenant: string
  readonly signer: Ed25519Signer
  readonly disk: Disk
  /** Somebody wrote into the personal values beside this file. */
  readonly onValuesAltered?: (file: string) => void
}

/** The batch that starts at `seq` of a chain whose files are `segments`; undefined when there is none. */
export async function readBatchAt(
  place: Place,
  of: {
    readonly id: string
    readonly segments: readonly Segment[]
    readonly seq: number
    readonly newest: Written | undefined
  },
): Promise<ChainBatch | undefined> {
  const { id, segments, seq, newest } = of
  const segment = segments.findLast(({ file }) => firstSeqOf(file) <= seq)
  const extent = segment && extentAt(await extentsOf(place, segment), seq)
  if (segment === undefined || extent === undefined) return undefined
  const side = await readSide(place, segment, extent)
  const lines = linesIn(newest, segment, extent) ?? (await readExtent(place.disk, place.dir, segment, extent))
  return { chain: id, firstSeq: seq, count: extent.count, lines, side }
}

/** Values that somebody altered, or moved by what he put before them, are looked for once more in the whole file; the rest is lost, and told. */
async function readSide(place: Place, segment: Segment, extent: Extent): Promise<ChainBatch['side']> {
  const written = parseSide(await readSideExtent(place.disk, place.dir, segment, extent), extent)
  if (written.isWhole) return written.rows
  place.onValuesAltered?.(segment.file)
  segment.extents = undefined
  const found = extentAt(await extentsOf(place, segment), extent.firstSeq)
  return found === undefined ? [] : parseSide(await readSideExtent(place.disk, place.dir, segment, found), found).rows
}

/** A copy: the next append is written over it. */
function linesIn(newest: Written | undefined, { file }: Segment, { offset, bytes }: Extent): Uint8Array | undefined {
  if (newest?.file !== file || offset < newest.offset) return undefined
  return new Uint8Array(newest.lines.subarray(offset - newest.offset, offset - newest.offset + bytes))
}

/** Of a file that nobody has read since the start, from its lines. */
async function extentsOf(place: Place, segment: Segment): Promise<readonly Extent[]> {
  if (segment.extents !== undefined) return segment.extents
  const start = firstSeqOf(segment.file) === 0 ? chainStart : { nextSeq: firstSeqOf(segment.file), tip: null }
  const found = await findChainFile(place.disk, place.dir, segment.file)
  const asRead = { ...place, sensor: undefined, isNewest: false }
  const { extents, sideBytes } = (await scanSegment(place.dir, found, start, asRead)).segment
  Object.assign(segment, { extents, sideBytes })
  return extents
}

/** Extents lie in order, so a search by halves finds the one that starts at `seq`. */
function extentAt(extents: readonly Extent[], seq: number): Extent | undefined {
  let [low, high] = [0, extents.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((extents[middle] as Extent).firstSeq < seq) low = middle + 1
    else high = middle
  }
  return extents[low]?.firstSeq === seq ? extents[low] : undefined
}

const [newline, space, zero] = [0x0a, 0x20, 0x30]
const seqDigitsMax = 16

/** Rows of these lines, as views of `side`; what else there is, is left out, and it is not whole then. Ten thousand a second pass here. */
function parseSide(side: Uint8Array, { firstSeq, count, sideBytes }: Extent) {
  const rows: { seq: number; values: Uint8Array }[] = []
  let isWhole = side.length === sideBytes
  for (let at = 0; at < side.length; ) {
    const end = side.indexOf(newline, at)
    let [seq, from] = [0, at]
    for (
      let digit = digitAt(side, from);
      digit !== undefined && from - at < seqDigitsMax;
      digit = digitAt(side, from)
    ) {
      seq = 10 * seq + digit
      from += 1
    }
    const isOfThese = seq >= firstSeq && seq < firstSeq + count
    if (end >= 0 && from > at && side[from] === space && isOfThese)
      rows.push({ seq, values: side.subarray(from + 1, end) })
    else isWhole = false
    at = end < 0 ? side.length : end + 1
  }
  return { rows, isWhole }
}

function digitAt(bytes: Uint8Array, at: number): number | undefined {
  const digit = (bytes[at] ?? 0) - zero
  return digit >= 0 && digit <= 9 ? digit : undefined
}
