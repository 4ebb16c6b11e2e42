// SPDX-License-Identifier: Apache-2.0

import { carriageError } from './errors.ts'
import { carriageLimits } from './messages.ts'

/** A header in JSON, and bytes behind it. */
export type Frame = { readonly header: string; readonly body: Buffer }

/** Lengths of header and body, four bytes each, little-endian. */
const lengthsBytes = 8

export function frameOf(header: object, body: readonly Uint8Array[] = []): Buffer {
  const text = Buffer.from(JSON.stringify(header))
  const lengths = Buffer.alloc(lengthsBytes)
  lengths.writeUInt32LE(text.length, 0)
  lengths.writeUInt32LE(
    body.reduce((sum, { length }) => sum + length, 0),
    4,
  )
  return Buffer.concat([lengths, text, ...body])
}

/** Takes what comes, in pieces of any size, and returns the frames that are whole. Throws CARRIAGE_MALFORMED at a length beyond the limits. */
export function createFrameReader(): (chunk: Buffer) => Frame[] {
  let waiting: Buffer[] = []
  let size = 0
  let due = lengthsBytes
  return (chunk) => {
    waiting.push(chunk)
    size += chunk.length
    if (size < due) return []
    let bytes = Buffer.concat(waiting)
    const frames: Frame[] = []
    for (;;) {
      due = lengthsBytes
      if (bytes.length < due) break
      const [headerBytes, bodyBytes] = [bytes.readUInt32LE(0), bytes.readUInt32LE(4)]
      if (headerBytes > carriageLimits.headerBytesMax || bodyBytes > carriageLimits.bodyBytesMax)
        throw carriageError('CARRIAGE_MALFORMED', {
          attempted: 'reading what came',
          received: `a header of ${headerBytes} bytes and a body of ${bodyBytes}`,
        })
      due = lengthsBytes + headerBytes + bodyBytes
      if (bytes.length < due) break
      const bodyAt = lengthsBytes + headerBytes
      frames.push({ header: bytes.toString('utf8', lengthsBytes, bodyAt), body: bytes.subarray(bodyAt, due) })
      bytes = bytes.subarray(due)
    }
    waiting = bytes.length === 0 ? [] : [Buffer.from(bytes)]
    size = bytes.length
    return frames
  }
}
