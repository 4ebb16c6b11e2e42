// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf, SealwatchError } from '@sealwatch/base/errors'
import type { BundleFile } from './evidence.ts'

export const unpackErrors = {
  FILE_COMPRESSED: {
    kind: 'invalid',
    rule: 'the page reads a bundle as it was written, or as one gzip stream',
    advice: 'Unpack it first, then drop what comes out',
  },
  FILE_NOT_ONE_STREAM: {
    kind: 'unverified',
    rule: 'a compressed bundle is one gzip (RFC 1952) stream that ends where the file ends',
    advice: 'Take the archive from its source again; what follows the stream was added by somebody',
  },
} as const satisfies ErrorTable
const unpackError = errorsOf(unpackErrors)

const gzip = [0x1f, 0x8b] as const // RFC 1952, 2.3.1
/** None of these begins a bundle, which is JSON. */
const others: readonly { readonly name: string; readonly magic: readonly number[] }[] = [
  { name: 'zstd', magic: [0x28, 0xb5, 0x2f, 0xfd] }, // RFC 8878, 3.1.1
  { name: 'xz', magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00] },
  { name: 'bzip2', magic: [0x42, 0x5a, 0x68] },
  { name: 'lz4', magic: [0x04, 0x22, 0x4d, 0x18] },
  { name: 'zip', magic: [0x50, 0x4b, 0x03, 0x04] },
  { name: '7z', magic: [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c] },
]

/** A small file can unpack to any size; a browser keeps what is large on disk. */
const unpackedBytesMax = 16 * 1024 * 1024 * 1024

/** The bundle in the file: the file itself, or what its gzip stream holds. Throws FILE_COMPRESSED or FILE_NOT_ONE_STREAM. */
export async function unpacked(file: BundleFile, bytesMax = unpackedBytesMax): Promise<BundleFile> {
  const attempted = 'reading the file'
  const start = new Uint8Array(await file.slice(0, 8).arrayBuffer())
  const begins = (magic: readonly number[]) => magic.every((byte, i) => start[i] === byte)
  const other = others.find(({ magic }) => begins(magic))
  if (other !== undefined) throw unpackError('FILE_COMPRESSED', { attempted, received: `${other.name} data` })
  if (!begins(gzip)) return file
  let bytes = 0
  const counted = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
    transform: (chunk, out) => {
      bytes += chunk.length
      if (bytes > bytesMax) throw unpackError('FILE_COMPRESSED', { attempted, received: `more than ${bytesMax} bytes` })
      out.enqueue(chunk)
    },
  })
  try {
    // It fails on whatever follows the end of the stream (Compression Standard, 5).
    const stream = (file.stream() as ReadableStream<Uint8Array<ArrayBuffer>>).pipeThrough(
      new DecompressionStream('gzip'),
    )
    return await new Response(stream.pipeThrough(counted)).blob()
  } catch (cause) {
    if (cause instanceof SealwatchError) throw cause
    throw unpackError('FILE_NOT_ONE_STREAM', { attempted, received: String(cause), cause })
  }
}
