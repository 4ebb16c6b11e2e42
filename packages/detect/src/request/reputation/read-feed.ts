// SPDX-License-Identifier: Apache-2.0

import { reputationError } from './errors.ts'
import { type Entries, type FeedFormat, type FeedFormatName, feedFormats } from './feed-formats.ts'
import { reputationLimits } from './limits.ts'
import { coveredShare, newHeap, type PrefixRows, rowsOf } from './prefix-rows.ts'
import { addEntry, type Heaps } from './prefix-text.ts'

export type WrongEntry = {
  /** Line, or number of the entry in a JSON document, from 1. */
  readonly place: number
  readonly received: string
  /** What it should be. */
  readonly rule: string
}

/** What one feed says, as of a moment. */
export type FeedReading = {
  readonly rows: { readonly 4: PrefixRows; readonly 6: PrefixRows }
  readonly prefixes: number
  /** Milliseconds of Unix time: when its source said so. */
  readonly asOfMs: number
  /** Entries that are of other things than addresses, or hold no longer. */
  readonly passedOver: number
  readonly wrong: number
  /** The first of the wrong ones. */
  readonly told: readonly WrongEntry[]
}

/**
 * Reads a feed whole. An entry that is wrong is left out and counted; a feed with too many of them is none. Throws
 * FEED_TOO_LARGE, FEED_MALFORMED, FEED_EMPTY and FEED_TOO_WIDE.
 */
export function readFeed(
  feed: { readonly name: string; readonly format: FeedFormatName },
  bytes: Uint8Array,
  asOfMs: number,
): FeedReading {
  const attempted = `reading the feed ${feed.name}`
  const format: FeedFormat = feedFormats[feed.format]
  const heaps = { 4: newHeap(4), 6: newHeap(6) }
  const count = countInto(heaps, attempted)
  if ('lines' in format) format.lines(linesOf(bytes, attempted), count.entries, asOfMs / 1_000)
  else format.document(documentOf(bytes, attempted), count.entries, asOfMs / 1_000)

  const { right, wrong, passedOver } = count
  if (wrong > reputationLimits.wrongShareMax * (wrong + right)) throw mostlyWrong(attempted, right, wrong, count.told)
  if (right === 0 && !format.mayBeEmpty) throw reputationError('FEED_EMPTY', { attempted, received: 'no entry' })
  const rows = { 4: rowsOf(heaps[4]), 6: rowsOf(heaps[6]) }
  const share = coveredShare(rows[4])
  if (share > reputationLimits.coverShareMax)
    throw reputationError('FEED_TOO_WIDE', {
      attempted,
      received: `${Math.round(100 * share)} % of all IPv4 addresses`,
    })
  return { rows, prefixes: rows[4].count + rows[6].count, asOfMs, passedOver, wrong, told: count.told }
}

function countInto(heaps: Heaps, attempted: string) {
  const { prefixesMax, wrongTold, wrongUnitsMax } = reputationLimits
  const told: WrongEntry[] = []
  const tellWrong: Entries['wrong'] = (place, received, rule) => {
    count.wrong += 1
    if (told.length < wrongTold) told.push({ place, received: received.slice(0, wrongUnitsMax).toWellFormed(), rule })
  }
  const entries: Entries = {
    entry: (place, text, from, to, terms) => {
      const rule = addEntry(text, from, to, heaps, terms)
      if (rule === undefined) count.right += 1
      else tellWrong(place, text.slice(from, Math.min(to, from + wrongUnitsMax)), rule)
      if (heaps[4].count + heaps[6].count > prefixesMax)
        throw reputationError('FEED_TOO_LARGE', { attempted, received: `more than ${prefixesMax} prefixes` })
    },
    wrong: tellWrong,
    passedOver: () => {
      count.passedOver += 1
    },
  }
  const count = { entries, told, right: 0, wrong: 0, passedOver: 0 }
  return count
}

function mostlyWrong(attempted: string, right: number, wrong: number, [first]: readonly WrongEntry[]): Error {
  const where = `the first at ${first?.place}: ${JSON.stringify(first?.received)} in the place of ${first?.rule}`
  const received = `${wrong} entries of ${wrong + right} that are wrong, ${where}`
  return reputationError('FEED_MALFORMED', { attempted, received })
}

/** Latin-1: what matters is ASCII, and in comments anything goes. */
function linesOf(bytes: Uint8Array, attempted: string): string {
  checkSize(bytes, reputationLimits.feedBytesMax, attempted)
  const hasMark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1', hasMark ? 3 : 0)
}

function documentOf(bytes: Uint8Array, attempted: string): unknown {
  checkSize(bytes, reputationLimits.documentBytesMax, attempted)
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw reputationError('FEED_MALFORMED', { attempted, received: 'what is no JSON in UTF-8', cause })
  }
}

function checkSize(bytes: Uint8Array, bytesMax: number, attempted: string): void {
  if (bytes.length > bytesMax)
    throw reputationError('FEED_TOO_LARGE', { attempted, received: `more than ${bytesMax} bytes` })
}
