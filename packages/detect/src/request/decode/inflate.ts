// SPDX-License-Identifier: Apache-2.0

import { brotliDecompressSync, constants, gunzipSync, inflateSync } from 'node:zlib'
import type { RequestContext } from '../context.ts'
import { headerNamed } from './headers.ts'
import type { Findings } from './values.ts'

type Inflate = (bytes: Uint8Array, maxOutputLength: number) => Buffer
/** Of a body of which the beginning alone was handed over, what that holds. */
const gunzip: Inflate = (bytes, maxOutputLength) =>
  gunzipSync(bytes, { maxOutputLength, finishFlush: constants.Z_SYNC_FLUSH })
const inflaters: Readonly<Record<string, Inflate>> = {
  gzip: gunzip,
  'x-gzip': gunzip,
  deflate: (bytes, maxOutputLength) => inflateSync(bytes, { maxOutputLength, finishFlush: constants.Z_SYNC_FLUSH }),
  br: (bytes, maxOutputLength) =>
    brotliDecompressSync(bytes, { maxOutputLength, finishFlush: constants.BROTLI_OPERATION_FLUSH }),
}

/** A body as it was before it was compressed; as it came where that cannot be told. Of one that is too long, a beginning. */
export function inflated({ body, headers }: RequestContext, findings: Findings): Buffer {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  const coding = headerNamed(headers, 'content-encoding')?.trim().toLowerCase() ?? ''
  if (coding === '' || coding === 'identity') return bytes
  const inflate = Object.hasOwn(inflaters, coding) ? inflaters[coding] : undefined
  const { inflateInputBytesMax, inflatedBytesMax } = findings.limits
  const begun = inflate && tried(inflate, bytes.subarray(0, inflateInputBytesMax), inflatedBytesMax)
  if (inflate === undefined || begun === 'damaged') {
    findings.signal('compressed', 'REQUEST_BODY')
    return bytes
  }
  if (begun !== 'large' && bytes.length <= inflateInputBytesMax) return begun as Buffer
  const { text, ratio } =
    begun === 'large' ? beginningOf(bytes, inflate, inflatedBytesMax) : { text: begun as Buffer, ratio: 1 }
  if (text.length === 0 || ratio >= bombRatio) findings.signal('bomb', 'REQUEST_BODY')
  findings.signal('oversize', 'REQUEST_BODY')
  findings.passOver()
  return text.length === 0 ? bytes : text
}

type Beginning = { readonly text: Buffer; readonly ratio: number }

/** Text is compressed to a tenth, and a thousandth is the most that deflate can do. */
const bombRatio = 50

/** Of the beginnings of a body, each four times as long as the one before it, the longest that stays within the limit. */
function beginningOf(bytes: Buffer, inflate: Inflate, most: number): Beginning {
  let best: Beginning = { text: Buffer.alloc(0), ratio: 0 }
  for (let length = shortestBytes; length < bytes.length; length *= 4) {
    const text = tried(inflate, bytes.subarray(0, length), most)
    if (!(text instanceof Buffer)) break
    best = { text, ratio: text.length / length }
  }
  return best
}

const shortestBytes = 64

function tried(inflate: Inflate, bytes: Uint8Array, most: number): Buffer | 'damaged' | 'large' {
  try {
    return inflate(bytes, most)
  } catch (error) {
    return (error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE' ? 'large' : 'damaged'
  }
}
