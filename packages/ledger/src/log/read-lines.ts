// SPDX-License-Identifier: Apache-2.0

import { join } from 'node:path'
import { type Disk, errorsOf } from '@sealwatch/base'
import { newline } from '../verify/bundle-records.ts'
import { lineBytesMax } from '../verify/line.ts'
import { blockBytes } from '../verify/read-block.ts'
import { lineStoreErrors, segmentForm } from './line-store.ts'

const lineStoreError = errorsOf(lineStoreErrors)
const readBytesMax = blockBytes

/**
 * The whole lines of a ledger as they lie on the disk, in blocks that begin with one byte of their own (blocksOf), without
 * opening it for writing. What the last segment ends with may be cut short, and is left out. Throws LINES_MISSING where one
 * segment does not begin where the one before it ends.
 */
export async function* readLineBlocks(
  dir: string,
  disk: Disk,
  onBytes?: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  const names = (await disk.list(dir)).filter((name) => segmentForm.test(name)).sort()
  let at = 0
  for (const [i, name] of names.entries()) {
    const start = Number(name.slice(0, 20))
    if (start !== at)
      throw lineStoreError('LINES_MISSING', {
        attempted: `reading ${dir}`,
        received: `a segment from byte ${start} where ${at} was due`,
      })
    let rest: Uint8Array = new Uint8Array(0)
    for (;;) {
      const chunk = await disk.readAt(join(dir, name), at - start + rest.length, readBytesMax)
      if (chunk === undefined || chunk.length === 0) break
      onBytes?.(chunk.length)
      const whole = chunk.lastIndexOf(newline) + 1
      if (whole > 0) {
        const block = new Uint8Array(1 + rest.length + whole)
        block.set(rest, 1)
        block.set(chunk.subarray(0, whole), 1 + rest.length)
        at += block.length - 1
        yield block
      }
      rest = whole > 0 ? chunk.slice(whole) : Buffer.concat([rest, chunk])
      if (rest.length > lineBytesMax)
        throw lineStoreError('LINES_MISSING', { attempted: `reading ${dir}`, received: `no newline after byte ${at}` })
    }
    if (rest.length > 0 && i < names.length - 1)
      throw lineStoreError('LINES_MISSING', {
        attempted: `reading ${dir}`,
        received: `a segment that ends within the line at byte ${at}`,
      })
  }
}

/** The lines of such a block, without their newlines. */
export function* linesIn(block: Uint8Array): Generator<Uint8Array> {
  for (let from = 1; from < block.length; ) {
    const end = block.indexOf(newline, from)
    yield block.subarray(from, end)
    from = end + 1
  }
}
