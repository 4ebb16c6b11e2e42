// SPDX-License-Identifier: Apache-2.0

import { createBell } from '@sealwatch/base'
import { pageOfEntries } from '../data/entries.ts'
import { entryOf } from '../data/entry.ts'
import { createFillMarks } from '../data/fill-marks.ts'
import type { ApiPorts } from '../ports.ts'
import type { CloseCause } from './close-codes.ts'
import { entryFrame, type Head, headFrame, headOf } from './frames.ts'
import { createRing, itemOf, type RingBounds } from './ring.ts'
import { hasRoom, pump, type Subscriber } from './subscriber.ts'

/** All who listen to one tenant: each line is read, and written down, once for all of them. */
export type Hub = {
  readonly count: number
  /** It hears where the ledger is, then what it has not heard, then what comes. */
  join(subscriber: Subscriber): void
  leave(subscriber: Subscriber): void
  /** Tells how far the ledger is and is proven, if that changed. Rejects as `run` does. */
  beat(): Promise<void>
  /** Reads until the signal fires, or rejects when the ledger cannot be read. */
  run(signal: AbortSignal): Promise<void>
}

export type HubOptions = {
  readonly ports: ApiPorts
  readonly tenant: string
  readonly bounds: () => RingBounds
  /** So far behind its ledger it reads over what lies between: whoever wants that finds it by the index. */
  readonly jumpLeaves?: number
  /** Runs work of all hubs, some at a time. */
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>
  readonly end: (subscriber: Subscriber, cause: CloseCause) => void
}

const batchMax = 256
/** Of a page that somebody is read to from. */
const pageMax = 64
/** Sockets get theirs in slices: the same thread acknowledges batches. */
const sliceNs = 2_000_000n
/** What an item needs besides its line. */
const itemBytes = 512

export function openHub({ ports, tenant, bounds, jumpLeaves = 32_768, inTurn, end }: HubOptions): Hub {
  const { clock, ledgers, hostBook } = ports
  const ledger = ledgers.get(tenant)
  const subscribers = new Set<Subscriber>()
  const drained = createBell()
  const over = new AbortController()
  let position = ledger.size
  const ring = createRing(position)
  let told: Head | undefined
  const marks = createFillMarks(ledger)

  async function run(signal: AbortSignal): Promise<void> {
    const stop = () => over.abort()
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
    try {
      while (!signal.aborted) {
        if (ledger.size - position > jumpLeaves) jump()
        const leaves = await ledger.read(position, batchMax)
        if (leaves.length === 0) {
          await ledger.waitFor(position, signal)
          continue
        }
        const hostOf = await hostBook.of(tenant)
        for (const leaf of leaves) {
          const entry = entryOf(ledger, leaf, hostOf, marks.of(leaf))
          const make = () => entryFrame(ledger, entry)
          ring.push(itemOf(leaf.index + 1, leaf.line.length + itemBytes, entry, make))
        }
        position += leaves.length
        await pumpAll()
        ring.trim(bounds())
        leaveBehind()
      }
    } finally {
      signal.removeEventListener('abort', stop)
      stop()
    }
  }

  async function pumpAll(): Promise<void> {
    let untilNs = clock.monotonicNs() + sliceNs
    for (const subscriber of subscribers) {
      pump(subscriber, ring, clock)
      if (clock.monotonicNs() < untilNs) continue
      await clock.sleep(0)
      untilNs = clock.monotonicNs() + sliceNs
    }
  }

  function jump(): void {
    position = ledger.size
    ring.clear(position)
    leaveBehind()
  }

  /** Who took too little is left; who was not given enough is read to. */
  function leaveBehind(): void {
    for (const subscriber of subscribers) {
      if (subscriber.next === undefined || !ring.isGone(subscriber.next)) continue
      subscriber.next = undefined
      if (hasRoom(subscriber, clock)) void catchUp(subscriber)
      else end(subscriber, 'TOO_SLOW')
    }
  }

  /** Reads to somebody from the index until the ring goes on from there. Nothing is told twice, and nothing is left out. */
  async function catchUp(subscriber: Subscriber): Promise<void> {
    try {
      while (!subscriber.closed && subscriber.next === undefined) {
        if (subscriber.cursor >= ring.start) {
          subscriber.next = ring.numberAt(subscriber.cursor)
          pump(subscriber, ring, clock)
        } else if (hasRoom(subscriber, clock)) await inTurn(() => readTo(subscriber))
        else await drained.wait(over.signal)
        if (over.signal.aborted) return
      }
    } catch (error) {
      fail(subscriber, error)
    }
  }

  function fail(subscriber: Subscriber, error: unknown): void {
    if (subscriber.closed) return
    ports.log.error('a feed cannot be told', { tenant, error })
    end(subscriber, 'INTERNAL')
  }

  async function readTo(subscriber: Subscriber): Promise<void> {
    const { by, filter, cursor, sink } = subscriber
    const query = { filter, order: 'oldest', from: cursor, limit: pageMax } as const
    const { entries, reached } = await pageOfEntries(ports, by, query, over.signal)
    sink.hold()
    try {
      for (const entry of entries) {
        if (subscriber.closed || !hasRoom(subscriber, clock)) return
        sink.send(entryFrame(ledger, entry))
        subscriber.cursor = entry.leaf + 1
      }
    } finally {
      sink.release()
    }
    subscriber.cursor = Math.max(subscriber.cursor, reached)
  }

  return {
    get count() {
      return subscribers.size
    },
    join: (subscriber) => {
      subscribers.add(subscriber)
      const { sink, cursor } = subscriber
      sink.onDrain(() => {
        try {
          hasRoom(subscriber, clock)
          pump(subscriber, ring, clock)
        } catch (error) {
          fail(subscriber, error)
        }
        drained.ring()
      })
      sink.send(headFrame(headOf(ledgers, tenant), cursor))
      void catchUp(subscriber)
    },
    leave: (subscriber) => {
      subscribers.delete(subscriber)
      drained.ring()
    },
    beat: async () => {
      if (!ledgers.has(tenant)) return
      const head = headOf(ledgers, tenant)
      const isNew =
        told === undefined || (Object.keys(head) as (keyof Head)[]).some((name) => head[name] !== told?.[name])
      if (!isNew) return
      told = head
      const cursor = position
      ring.push(itemOf(cursor, itemBytes, undefined, () => headFrame(head, cursor)))
      await pumpAll()
    },
    run,
  }
}
