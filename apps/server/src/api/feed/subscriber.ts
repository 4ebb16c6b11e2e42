// SPDX-License-Identifier: Apache-2.0

import type { Clock } from '@sealwatch/base'
import type { Filter, FilterMatch } from '@sealwatch/contract/filter'
import type { Reader } from '../data/entries.ts'
import type { CloseCause } from './close-codes.ts'
import type { Item, Ring } from './ring.ts'

/** Where frames go: one socket. */
export type Sink = {
  /** Bytes that were given to it and have not left. */
  readonly buffered: number
  send(frame: Buffer): void
  /** What is sent until `release` leaves together. */
  hold(): void
  release(): void
  /** Called whenever all that was buffered has left. */
  onDrain(then: () => void): void
  /** Asks the other end whether it is there, when that is due; false: it did not answer. */
  beat(): boolean
  /** After what is buffered; `cursor` is where to go on. Resolves when it is closed. */
  close(cause: CloseCause, cursor: number): Promise<void>
  /** At once, whatever is buffered. */
  drop(): void
}

export type Subscriber = {
  readonly by: Reader
  readonly filter: Filter
  readonly match: FilterMatch
  readonly sink: Sink
  /** The first leaf that it has not heard of. */
  cursor: number
  /** Of the next item of the ring, while it is up to date; undefined: it is read to from the index. */
  next: number | undefined
  /** Since when nothing has left (monotonic ns); undefined: it takes more. */
  stalledNs: bigint | undefined
  closed: boolean
}

/** A socket that holds so much is given no more until it has taken it. */
export const bufferedMax = 256 * 1024
/** How long a socket may take nothing. */
const stillNsMax = 10_000_000_000n

/** Gives it what the ring holds and it has not heard, as far as it takes it. */
export function pump(subscriber: Subscriber, ring: Ring, clock: Clock): void {
  if (subscriber.next === undefined || subscriber.closed || !hasRoom(subscriber, clock)) return
  const { sink, match } = subscriber
  sink.hold()
  try {
    for (let item = ring.at(subscriber.next); item !== undefined; item = ring.at(subscriber.next)) {
      if (isNews(subscriber, item) && item.matches(match)) sink.send(item.frame())
      subscriber.next += 1
      subscriber.cursor = Math.max(subscriber.cursor, item.cursor)
      if (!hasRoom(subscriber, clock)) break
    }
  } finally {
    sink.release()
  }
}

/** It may be ahead of the ring: then neither a line that it has nor a head from before it is. */
const isNews = ({ cursor }: Subscriber, item: Item): boolean =>
  item.entry === undefined ? item.cursor >= cursor : item.cursor > cursor

/** Notes since when it has none. */
export function hasRoom(subscriber: Subscriber, clock: Clock): boolean {
  if (subscriber.sink.buffered < bufferedMax) subscriber.stalledNs = undefined
  else subscriber.stalledNs ??= clock.monotonicNs()
  return subscriber.stalledNs === undefined
}

export const isStuck = ({ stalledNs }: Subscriber, clock: Clock): boolean =>
  stalledNs !== undefined && clock.monotonicNs() - stalledNs > stillNsMax
