// SPDX-License-Identifier: Apache-2.0

import { join } from 'node:path'
import { type Clock, type Disk, isSealwatchError } from '@sealwatch/base'
import { type ChainFile, findChainFile, readParts } from './rotated.ts'
import type { Extent, Segment } from './segment.ts'

/** Somebody renamed or emptied the file that is written on: logrotate, usually (chain.md, 7). */
export type Rotation = {
  readonly file: string
  /** What it lies in now, oldest first. */
  readonly parts: readonly string[]
  /** Written between logrotate's copy and its truncation, and put back from memory. */
  readonly restoredBytes: number
  /** Lines that are neither in the parts nor in memory any more. */
  readonly lost: { readonly fromSeq: number; readonly toSeq: number } | undefined
}

/** How much of what was written last is kept to be put back: far more than is written between two calls of logrotate. */
export const recentBytesMax = 1024 * 1024

/** The last bytes of the file that is written on. */
export type Recent = {
  readonly length: number
  /** Keeps a copy. */
  add(bytes: Uint8Array): void
  /** The last `length` bytes; there must be so many. */
  last(length: number): Uint8Array
}

export function createRecent(): Recent {
  // Whole appends, oldest first: together they are the `length` bytes before `end`.
  const lengths: number[] = []
  let kept = Buffer.alloc(0)
  let end = 0
  let length = 0
  return {
    get length() {
      return length
    },
    add(bytes) {
      lengths.push(bytes.length)
      length += bytes.length
      while (lengths.length > 1 && length - (lengths[0] as number) >= recentBytesMax)
        length -= lengths.shift() as number
      const older = length - bytes.length
      if (end + bytes.length > kept.length) {
        const room = kept.length >= 2 * length ? kept : Buffer.allocUnsafeSlow(2 * length)
        kept.copy(room, 0, end - older, end)
        kept = room
        end = older
      }
      kept.set(bytes, end)
      end += bytes.length
    },
    last: (wanted) => kept.subarray(end - wanted, end),
  }
}

/** For so long after a rotation its parts are looked at again: a compressor may have read before the last line came. */
const unsettledNs = 60_000_000_000n

/** Watches the file that is written on, and makes whole what logrotate made of it (chain.md, 7.2). */
export type RotationWatch = {
  /** False from a rotation on until `begin`. */
  readonly isOpen: boolean
  /** A new file begins. */
  begin(): void
  wrote(bytes: Uint8Array): void
  /** Called before and after each append: has the file on disk the size that was written? */
  look(segment: Segment): Promise<void>
}

export function watchRotation(options: {
  readonly disk: Disk
  readonly dir: string
  readonly clock: Clock
  readonly isRotated: boolean
  /** Nothing may write on a file that is put in order. */
  readonly closeFiles: () => Promise<void>
  readonly onRotation?: (rotation: Rotation) => void
}): RotationWatch {
  const { disk, dir, clock, closeFiles } = options
  let isOpen = !options.isRotated
  let recent = createRecent()
  let unsettled: { segment: Segment; recent: Recent; parts: string; untilNs: bigint } | undefined

  /** Undefined where the disk has no room for it: what was appended is sealed all the same, and this is tried again. */
  async function settle(segment: Segment, from: Recent): Promise<Rotation | undefined> {
    try {
      return await settleRotation(disk, dir, segment, from)
    } catch (error) {
      if (isSealwatchError(error, 'DISK_FULL')) return undefined
      throw error
    }
  }

  /** Again, when a part came or went since. */
  async function settleAgain(given: NonNullable<typeof unsettled>): Promise<void> {
    const parts = (await findChainFile(disk, dir, given.segment.file)).parts.join()
    if (parts !== given.parts) {
      const rotation = await settle(given.segment, given.recent)
      if (rotation === undefined) return
      if (rotation.restoredBytes > 0 || rotation.lost !== undefined) options.onRotation?.(rotation)
      given.parts = rotation.parts.join()
    }
    if (clock.monotonicNs() >= given.untilNs) unsettled = undefined
  }

  return {
    get isOpen() {
      return isOpen
    },
    begin() {
      isOpen = true
      recent = createRecent()
    },
    wrote: (bytes) => recent.add(bytes),
    async look(segment) {
      if (unsettled !== undefined) await settleAgain(unsettled)
      if ((await disk.sizeOf(join(dir, segment.file))) === segment.bytes) return
      await closeFiles()
      isOpen = false
      const rotation = await settle(segment, recent)
      if (rotation !== undefined) options.onRotation?.(rotation)
      const parts = rotation?.parts.join() ?? ''
      unsettled = { segment, recent, parts, untilNs: clock.monotonicNs() + unsettledNs }
    },
  }
}

/**
 * Makes the parts of a rotated file whole again: what was written since logrotate's copy and is in no part is put where
 * the file was. Nothing may be writing on it.
 */
export async function settleRotation(disk: Disk, dir: string, segment: Segment, recent: Recent): Promise<Rotation> {
  const { file } = segment
  const path = join(dir, file)
  const found = await findChainFile(disk, dir, file)
  const told = { file, parts: found.parts }
  // More than was written is a copy in the making: nothing is missing then.
  if ((await lengthOf(disk, dir, found)) >= segment.bytes) return { ...told, restoredBytes: 0, lost: undefined }
  const earlier = await lengthOf(disk, dir, found, (part) => part !== file)
  const due = segment.bytes - earlier
  const kept = Math.max(0, Math.min(due, recent.length))
  // Atomically, so that a crash leaves what logrotate left or all that there is.
  await disk.replace(path, recent.last(kept))
  const lost = due > kept ? linesIn(segment.extents ?? [], earlier, segment.bytes - kept) : undefined
  return { ...told, restoredBytes: kept, lost }
}

/** Bytes in the parts; where one cannot be read, none. */
async function lengthOf(
  disk: Disk,
  dir: string,
  found: ChainFile,
  wanted?: (part: string) => boolean,
): Promise<number> {
  try {
    return (await readParts(disk, dir, found, wanted)).reduce((sum, part) => sum + part.length, 0)
  } catch (error) {
    if (isSealwatchError(error, 'CHAIN_DAMAGED')) return 0
    throw error
  }
}

/** The lines of the batches that have a byte between the two. */
function linesIn(extents: readonly Extent[], from: number, to: number): Rotation['lost'] {
  const hit = extents.filter(({ offset, bytes }) => offset < to && offset + bytes > from)
  const [first, last] = [hit[0], hit.at(-1)]
  return { fromSeq: first?.firstSeq ?? 0, toSeq: last === undefined ? 0 : last.firstSeq + last.count - 1 }
}
