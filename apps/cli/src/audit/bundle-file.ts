// SPDX-License-Identifier: Apache-2.0

import { type FileHandle, open } from 'node:fs/promises'
import { pipeline } from 'node:stream'
import { createGunzip, createZstdDecompress } from 'node:zlib'
import { fileChunkBytes, fileChunks } from '@sealwatch/base'
import { cliError } from '../errors.ts'
import type { Io } from '../io.ts'
import { progressLine } from '../terminal.ts'

const compressions = [
  { name: 'gzip', magic: [0x1f, 0x8b], decompress: createGunzip }, // RFC 1952, 2.3.1
  { name: 'zstd', magic: [0x28, 0xb5, 0x2f, 0xfd], decompress: createZstdDecompress }, // RFC 8878, 3.1.1
] as const

/** What other programs unpack; none of these begins a bundle. */
const others = [
  { name: 'xz', magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00] },
  { name: 'bzip2', magic: [0x42, 0x5a, 0x68] },
  { name: 'lz4', magic: [0x04, 0x22, 0x4d, 0x18] },
  { name: 'zip', magic: [0x50, 0x4b, 0x03, 0x04] },
  { name: '7z', magic: [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c] },
] as const

/**
 * The bytes of a bundle, as it is or compressed, while `use` reads them, with a progress bar over the file. What
 * follows the end of a compressed stream is refused: nobody would have verified it.
 */
export async function withBundle<T>(
  path: string,
  io: Io,
  use: (chunks: AsyncIterable<Uint8Array>) => Promise<T>,
): Promise<T> {
  const attempted = `reading the bundle ${path}`
  const progress = progressLine(io)
  try {
    await using file = await open(path)
    const { size } = await file.stat()
    let shownMs = 0
    const onRead = (done: number) => {
      const nowMs = io.clock.nowMs()
      if (nowMs - shownMs < 100) return
      shownMs = nowMs
      progress.show(`verifying ${Math.floor((100 * done) / Math.max(size, 1))} %`)
    }
    return await use(await chunksOf(file, size, attempted, onRead))
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code
    if (code === undefined || (cause as NodeJS.ErrnoException).syscall === undefined) throw cause
    throw cliError('CLI_FILE', { attempted, received: code, cause })
  } finally {
    progress.end()
  }
}

async function chunksOf(file: FileHandle, size: number, attempted: string, onRead: (done: number) => void) {
  const start = new Uint8Array(6)
  await file.read(start, 0, start.length, 0)
  const begins = ({ magic }: { readonly magic: readonly number[] }) => magic.every((byte, i) => start[i] === byte)
  const other = others.find(begins)
  if (other !== undefined)
    throw cliError('CLI_ARCHIVE', { attempted, received: `${other.name} data`, advice: 'Unpack it first' })
  const compression = compressions.find(begins)
  return compression === undefined ? plain() : decompressed(compression.decompress(), compression.name)

  async function* plain(): AsyncGenerator<Uint8Array> {
    let done = 0
    for await (const chunk of fileChunks(file)) {
      yield chunk
      done += chunk.length
      onRead(done)
    }
  }

  async function* decompressed(engine: ReturnType<typeof createGunzip>, name: string): AsyncGenerator<Uint8Array> {
    // Its failure reaches whoever reads the engine.
    pipeline(
      file.createReadStream({ start: 0, autoClose: false, highWaterMark: fileChunkBytes }),
      engine,
      () => undefined,
    )
    try {
      for await (const chunk of engine as AsyncIterable<Uint8Array>) {
        yield chunk
        onRead(engine.bytesWritten)
      }
    } catch (cause) {
      const { code, message } = cause as NodeJS.ErrnoException
      throw code?.startsWith('Z') ? cliError('CLI_ARCHIVE', { attempted, received: message, cause }) : cause
    }
    if (engine.bytesWritten === size) return
    const received = `${size - engine.bytesWritten} bytes after the end of the ${name} stream`
    throw cliError('CLI_ARCHIVE', { attempted, received })
  }
}
