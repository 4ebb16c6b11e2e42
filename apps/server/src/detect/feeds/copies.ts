// SPDX-License-Identifier: Apache-2.0

import { hash } from 'node:crypto'
import { join } from 'node:path'
import type { Disk } from '@sealwatch/base'
import { type FeedConfig, reputationLimits } from '@sealwatch/detect/reputation'
import { z } from 'zod'

/** What a source said besides its bytes. */
export type CopyNote = {
  /** Milliseconds of Unix time: when these bytes were given out first, from which durations in them count. */
  readonly readAtMs: number
  /** When the source said last that they hold. */
  readonly asOfMs: number
  /** Of the bytes, hex. */
  readonly sha256: string
  /** To ask with whether they are still the same. */
  readonly etag?: string | undefined
  readonly lastModified?: string | undefined
}

/**
 * The last good copy of each feed, so that a restart without its source knows what was known: bytes, and a note of them. They
 * are the server's alone, and are read only where they are what the note says.
 */
export type FeedCopies = {
  /** Undefined where there is none of this source, or it was altered. */
  read(feed: FeedConfig): Promise<{ readonly note: CopyNote; readonly bytes: Uint8Array } | undefined>
  write(feed: FeedConfig, note: CopyNote, bytes: Uint8Array): Promise<void>
  /** The same bytes still hold. */
  renew(feed: FeedConfig, note: CopyNote): Promise<void>
}

const noteBytesMax = 8 * 1024
const version = 1
const time = z.int().min(0)
const form = z.strictObject({
  version: z.literal(version),
  source: z.string(),
  format: z.string(),
  readAtMs: time,
  asOfMs: time,
  sha256: z.string(),
  etag: z.string().optional(),
  lastModified: z.string().optional(),
})

export const digestOf = (bytes: Uint8Array): string => hash('sha256', bytes, 'hex')

export async function openCopies(dir: string, disk: Disk): Promise<FeedCopies> {
  await disk.makeDirectory(dir, 0o700)
  const pathOf = ({ name }: FeedConfig, what: 'note' | 'feed') => join(dir, `${name}.${what}`)
  const sourceOf = ({ source }: FeedConfig) => ('url' in source ? source.url : source.file)

  async function readNote(feed: FeedConfig): Promise<CopyNote | undefined> {
    const bytes = await disk.readAt(pathOf(feed, 'note'), 0, noteBytesMax)
    const read = form.safeParse(jsonOf(Buffer.from(bytes ?? []).toString('utf8')))
    if (!read.success) return undefined
    const { source, format, version: _, ...note } = read.data
    return source === sourceOf(feed) && format === feed.format ? note : undefined
  }
  const renew = (feed: FeedConfig, note: CopyNote) =>
    disk.replace(
      pathOf(feed, 'note'),
      JSON.stringify({ version, source: sourceOf(feed), format: feed.format, ...note }),
    )

  return {
    async read(feed) {
      const note = await readNote(feed)
      if (note === undefined) return undefined
      const bytes = await disk.readAt(pathOf(feed, 'feed'), 0, reputationLimits.feedBytesMax)
      return bytes !== undefined && digestOf(bytes) === note.sha256 ? { note, bytes } : undefined
    },
    async write(feed, note, bytes) {
      // If we stop behind this, the note is of other bytes, and there is no copy.
      await disk.replace(pathOf(feed, 'feed'), bytes)
      await renew(feed, note)
    },
    renew,
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
