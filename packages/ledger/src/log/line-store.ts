// SPDX-License-Identifier: Apache-2.0

import { join } from 'node:path'
import { type AppendFile, type Disk, type ErrorTable, errorsOf } from '@sealwatch/base'
import { lineBytesMax } from '../verify/line.ts'

export const lineStoreErrors = {
  LINES_MISSING: {
    kind: 'fatal',
    rule: 'every durable line of a ledger stays readable',
    advice:
      'Restore the segment files from a backup, then run the server again; the checkpoint says what must be there',
  },
} as const satisfies ErrorTable
const lineStoreError = errorsOf(lineStoreErrors)

const defaultSegmentBytesMax = 256 * 1024 * 1024
const readBytesMax = 4 * 1024 * 1024
export const segmentForm = /^\d{20}\.ndjson$/
const segmentName = (start: number) => `${String(start).padStart(20, '0')}.ndjson`

/** The lines of a ledger in order, as NDJSON segments that are named after the byte they start at. */
export type LineStore = {
  /** Bytes of all lines, newlines included. */
  readonly bytes: number
  /** Durable when it resolves. Segments change between two calls, never within one. */
  append(lines: readonly Uint8Array[]): Promise<void>
  /** Throws LINES_MISSING where the segment that grows is not under its name any more, or lost some of its first `to` bytes. */
  check(to: number): Promise<void>
  /** Takes back what follows `bytes`. */
  truncate(bytes: number): Promise<void>
  /** Whole lines from byte `from` to byte `to` at most, with the byte after each; none where a line is cut short. */
  read(from: number, linesMax: number, to?: number): Promise<{ line: Uint8Array; end: number }[]>
  close(): Promise<void>
}

export async function openLineStore(
  dir: string,
  disk: Disk,
  /** Of all lines: what is known to be on stable storage. */
  durableBytes = 0,
  segmentBytesMax = defaultSegmentBytesMax,
): Promise<LineStore> {
  await disk.makeDirectory(dir)
  let starts = (await disk.list(dir))
    .filter((name) => segmentForm.test(name))
    .map((name) => Number(name.slice(0, 20)))
    .sort((a, b) => a - b)
  if (starts.length === 0) starts = [0]
  const last = starts.at(-1) as number
  let current: AppendFile = await disk.openAppend(join(dir, segmentName(last)), Math.max(0, durableBytes - last))
  let bytes = last + current.size

  return {
    get bytes() {
      return bytes
    },
    append: async (lines) => {
      if (current.size >= segmentBytesMax) {
        const next = await disk.openAppend(join(dir, segmentName(bytes)))
        await current.close()
        current = next
        starts = [...starts, bytes]
      }
      await current.append(lines)
      bytes = (starts.at(-1) as number) + current.size
    },
    check: async (to) => {
      const { path } = current
      const due = to - (starts.at(-1) as number)
      const size = await disk.sizeOf(path)
      if (size === undefined || size < due)
        throw lineStoreError('LINES_MISSING', {
          attempted: `looking for ${path}`,
          received: size === undefined ? 'no file' : `${size} bytes where ${due} were durable`,
        })
    },
    truncate: async (to) => {
      const start = starts.at(-1) as number
      if (to < start)
        throw lineStoreError('LINES_MISSING', {
          attempted: `taking back lines of ${dir} to byte ${to}`,
          received: `a segment from ${start}`,
        })
      await current.truncate(to - start)
      bytes = to
    },
    read: async (from, linesMax, to = bytes) => {
      const start = starts.findLast((candidate) => candidate <= from) ?? 0
      const path = join(dir, segmentName(start))
      const end = Math.min(to, starts.find((candidate) => candidate > from) ?? bytes)
      const chunk = await readChunk(disk, path, from - start, Math.min(end - from, readBytesMax + lineBytesMax + 1))
      const lines: { line: Uint8Array; end: number }[] = []
      for (let at = 0; at < chunk.length && lines.length < linesMax; ) {
        const newline = chunk.indexOf(0x0a, at)
        if (newline < 0) break
        lines.push({ line: chunk.subarray(at, newline), end: from + newline + 1 })
        at = newline + 1
      }
      return lines
    },
    close: () => current.close(),
  }
}

/** At most `length` bytes from `offset` on; fewer where the file ends. */
export async function readChunk(disk: Disk, path: string, offset: number, length: number): Promise<Uint8Array> {
  const chunk = await disk.readAt(path, offset, length)
  if (chunk === undefined) throw lineStoreError('LINES_MISSING', { attempted: `reading ${path}`, received: 'no file' })
  return chunk
}
