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

type Place = { readonly dir: string; readonly tenant: string; readonly signer: Ed25519Signer; readonly disk: Disk }

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
  const { disk, dir } = place
  const side = await readSideExtent(disk, dir, segment, extent)
  const lines = linesIn(newest, segment, extent) ?? (await readExtent(disk, dir, segment, extent))
  return { chain: id, firstSeq: seq, count: extent.count, lines, side: parseSide(side) }
}

/** A copy: the next append is written over it. */
function linesIn(newest: Written | undefined, { file }: Segment, { offset, bytes }: Extent): Uint8Array | undefined {
  if (newest?.file !== file || offset < newest.offset) return undefined
  return new Uint8Array(newest.lines.subarray(offset - newest.offset, offset - newest.offset + bytes))
}

/** Of a file that nobody has read since the start, from its lines. */
async function extentsOf(place: Place, segment: Segment): Promise<readonly Extent[]> {
  if (segment.extents === undefined) {
    const start = firstSeqOf(segment.file) === 0 ? chainStart : { nextSeq: firstSeqOf(segment.file), tip: null }
    const found = await findChainFile(place.disk, place.dir, segment.file)
    const asRead = { ...place, sensor: undefined, isNewest: false }
    segment.extents = (await scanSegment(place.dir, found, start, asRead)).segment.extents
  }
  return segment.extents
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

function parseSide(side: Uint8Array): ChainBatch['side'] {
  const rows = Buffer.from(side).toString('utf8').split('\n').slice(0, -1)
  return rows.map((row) => {
    const space = row.indexOf(' ')
    return { seq: Number(row.slice(0, space)), values: Buffer.from(row.slice(space + 1)) }
  })
}
