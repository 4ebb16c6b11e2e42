// SPDX-License-Identifier: Apache-2.0

import { join } from 'node:path'
import { type Disk, errorsOf } from '@sealwatch/base'
import { lineBytesMax } from '../verify/line.ts'
import { lineStoreErrors, segmentForm } from './line-store.ts'

const lineStoreError = errorsOf(lineStoreErrors)
const readBytesMax = 4 * 1024 * 1024

/**
 * The whole lines of a ledger as they lie on the disk, some thousands at a time, without opening it for writing. What the
 * last segment ends with may be cut short, and is left out. Throws LINES_MISSING where one segment does not begin where
 * the one before it ends.
 */
export async function* readLines(
  dir: string,
  disk: Disk,
  onBytes?: (bytes: number) => void,
): AsyncGenerator<readonly Uint8Array[]> {
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
      const block: Uint8Array = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
      const lines: Uint8Array[] = []
      let from = 0
      for (let newline = block.indexOf(0x0a); newline >= 0; newline = block.indexOf(0x0a, from)) {
        lines.push(block.subarray(from, newline))
        from = newline + 1
      }
      at += from
      rest = block.subarray(from)
      yield lines
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
