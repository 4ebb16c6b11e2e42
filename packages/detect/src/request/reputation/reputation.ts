// SPDX-License-Identifier: Apache-2.0

import { addressText, newAddressWords, readAddress } from '../address.ts'
import { reputationError } from './errors.ts'
import type { FeedConfig, ReputationConfig } from './feed-config.ts'
import { reputationLimits } from './limits.ts'
import { newHeap, type PrefixRows, replaceFeed, rowsOf, widthOf } from './prefix-rows.ts'
import { bytesOf, innermost, type PrefixTable, tableOf } from './prefix-table.ts'
import { addEntry } from './prefix-text.ts'
import type { FeedReading } from './read-feed.ts'

/** That a feed names an address. */
export type Listing = {
  readonly feed: string
  readonly category: string
  /** From 0 to 1: the feed's, and of feeds with scores the share that the entry has of it. */
  readonly weight: number
  readonly prefix: string
  /** Milliseconds of Unix time until which it holds. */
  readonly untilMs: number
}

/** What is known of a feed; its prefixes are in the table. */
export type FeedState = Omit<FeedReading, 'rows'> & { readonly untilMs: number }

export type Reputation = {
  /**
   * All that feeds say of the address at that time (milliseconds of Unix time), the narrowest prefix first. Nothing of what is
   * excepted, or no address.
   */
  lookup(address: string, nowMs: number): readonly Listing[]
  /**
   * Puts what a feed says in the place of what it said: in one step, for whoever looks up sees the one or the other. Throws
   * FEED_TOO_LARGE where there is no room beside the other feeds, and then nothing has changed.
   */
  take(feed: string, reading: FeedReading): void
  /** The feed says the same as before, as of now. */
  renew(feed: string, asOfMs: number): void
  /** Undefined for a feed that has not said anything yet. */
  stateOf(feed: string): FeedState | undefined
  /** What all tables take. */
  bytes(): number
}

type Tables = { readonly 4: PrefixTable; readonly 6: PrefixTable }
type Held = { readonly tables: Tables; readonly states: readonly (FeedState | undefined)[] }

const none: readonly Listing[] = Object.freeze([])
const mapTables = (of: (family: 4 | 6) => PrefixRows): Tables => ({ 4: tableOf(of(4)), 6: tableOf(of(6)) })

export function createReputation({ feeds, except }: Pick<ReputationConfig, 'feeds' | 'except'>): Reputation {
  const words = newAddressWords()
  const excepted = tablesOf(except)
  let held: Held = { tables: tablesOf([]), states: feeds.map(() => undefined) }

  function placeOf(name: string): number {
    const place = feeds.findIndex((feed) => feed.name === name)
    if (place < 0) throw new RangeError(`no feed is named ${name}`)
    return place
  }
  const endOf = (place: number, asOfMs: number) => asOfMs + 1_000 * (feeds[place] as FeedConfig).ttlSeconds
  const put = (tables: Tables, place: number, state: Omit<FeedState, 'untilMs'>): void => {
    held = { tables, states: held.states.with(place, { ...state, untilMs: endOf(place, state.asOfMs) }) }
  }

  return {
    lookup(address, nowMs) {
      const family = readAddress(address, 0, address.length, words)
      if (family === 0) return none
      const { tables, states } = held
      const table = tables[family]
      let at = innermost(table, words)
      if (at < 0 || innermost(excepted[family], words) >= 0) return none
      const found: Listing[] = []
      for (; at >= 0; at = table.parents[at] as number) {
        const place = table.feeds[at] as number
        const untilMs = 1_000 * (table.untils[at] as number) || (states[place] as FeedState).untilMs
        if (untilMs > nowMs) found.push(listingOf(feeds[place] as FeedConfig, table, at, untilMs))
      }
      return found
    },
    take(name, { rows, ...state }) {
      const place = placeOf(name)
      const others = held.states.reduce((sum, known, at) => sum + (at === place ? 0 : (known?.prefixes ?? 0)), 0)
      if (others + state.prefixes > reputationLimits.prefixesMax)
        throw reputationError('FEED_TOO_LARGE', {
          attempted: `taking the feed ${name}`,
          received: `${state.prefixes} prefixes beside ${others} of the others`,
        })
      put(
        mapTables((family) => replaceFeed(held.tables[family], place, rows[family])),
        place,
        state,
      )
    },
    renew(name, asOfMs) {
      const place = placeOf(name)
      const state = held.states[place]
      if (state !== undefined) put(held.tables, place, { ...state, asOfMs })
    },
    stateOf: (name) => held.states[placeOf(name)],
    bytes: () => bytesOf(held.tables[4]) + bytesOf(held.tables[6]),
  }
}

function listingOf({ name, category, weight }: FeedConfig, table: PrefixTable, at: number, untilMs: number): Listing {
  const width = widthOf(table.family)
  const text = addressText(table.family, table.lows.subarray(at * width, (at + 1) * width))
  const prefix = `${text}/${table.bits[at]}`
  return { feed: name, category, weight: (weight * (table.shares[at] as number)) / 100, prefix, untilMs }
}

function tablesOf(prefixes: readonly string[]): Tables {
  const heaps = { 4: newHeap(4), 6: newHeap(6) }
  for (const text of prefixes) addEntry(text, 0, text.length, heaps, { until: 0, share: 100 })
  return mapTables((family) => rowsOf(heaps[family]))
}
