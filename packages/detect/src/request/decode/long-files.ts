// SPDX-License-Identifier: Apache-2.0

import { isFile } from './multipart.ts'

export type ShortForm = { readonly bytes: Buffer; readonly leftOut: number }

/** Of a long file that is sent in a part of a form this is kept, headers included. */
const keptBytes = 6 * 1024
/** As far as boundaries are looked for, and as many. */
const walkedBytesMax = 4 * 1024 * 1024
const partsMax = 1_000
/** Of what stays, from its beginning and from its end: no more is ever looked at. */
const restBytes = 128 * 1024
/** For shorter boundaries no search is fast whatever bytes it meets. Browsers and programs take 16 and more. */
const boundaryCharsMin = 8

/** A form in parts without what long files say behind their beginning, so that the parts behind them are read. */
export function withoutLongFiles(bytes: Buffer, boundary: string): ShortForm {
  if (boundary.length < boundaryCharsMin) return { bytes, leftOut: 0 }
  const walked = bytes.subarray(0, walkedBytesMax)
  const delimiter = Buffer.from(`\n--${boundary}`, 'latin1')
  const kept: Buffer[] = []
  let at = 0
  let leftOut = 0
  for (let from = 0, end = 0, parts = 0; end >= 0 && parts < partsMax && at - leftOut < restBytes; parts += 1) {
    end = walked.indexOf(delimiter, from)
    const behind = end < 0 ? walked.length : end
    if (behind - from > 2 * keptBytes && isFile(headersOf(walked.subarray(from, from + keptBytes)))) {
      kept.push(bytes.subarray(at, from + keptBytes))
      // The last byte stays: it may be the first one of the line end.
      at = behind - 1
      leftOut += at - from - keptBytes
    }
    from = behind + delimiter.length
  }
  if (leftOut === 0) return { bytes, leftOut }
  const rest = bytes.subarray(at)
  const ends = rest.length <= 2 * restBytes ? [rest] : [rest.subarray(0, restBytes), rest.subarray(-restBytes)]
  return { bytes: Buffer.concat([...kept, ...ends]), leftOut }
}

/** Of a part: the line end behind its boundary, its headers, an empty line. */
function headersOf(part: Buffer): string {
  const text = part.toString('latin1').replace(/^\r?\n/, '')
  return text.slice(0, /\r?\n\r?\n/.exec(text)?.index ?? 0)
}
