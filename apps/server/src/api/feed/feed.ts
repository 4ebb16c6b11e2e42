// SPDX-License-Identifier: Apache-2.0

import type { Clock, Log } from '@sealwatch/base'
import { type Filter, type FilterMatch, filterMatch, printFilter } from '@sealwatch/contract/filter'
import { type Authorised, type Gate, nameOf } from '../../access/index.ts'
import { maySeeActs, seenBy } from '../data/filters.ts'
import { apiError } from '../errors.ts'
import type { ApiPorts } from '../ports.ts'
import { type CloseCause, closeCodes } from './close-codes.ts'
import { type Hub, openHub } from './hub.ts'
import type { RingBounds } from './ring.ts'
import { isStuck, type Sink, type Subscriber } from './subscriber.ts'

/** What comes into the ledgers, told to whoever listens (API-2). */
export type Feed = {
  readonly sockets: number
  /** Feeds that ended since the start. */
  readonly ended: Readonly<Record<CloseCause, number>>
  /** Throws FEED_TOO_MANY where there is no room for one more. */
  checkRoom(by: Authorised<'feed:subscribe'>): void
  /** The same. `isLive`: whether what the socket came with still counts. */
  join(
    by: Authorised<'feed:subscribe'>,
    wanted: { readonly filter: Filter; readonly cursor: number | undefined },
    sink: Sink,
    isLive: () => boolean,
  ): { leave(): void; end(cause: CloseCause): void }
  /** Looks after all of them until the signal fires, and then ends them. */
  run(signal: AbortSignal): Promise<void>
}

export type FeedOptions = {
  readonly ports: ApiPorts
  readonly gate: Gate
  readonly limits: { readonly perTenant: number; readonly perPrincipal: number }
  readonly clock: Clock
  readonly log: Log
}

/** A revocation is felt within twice this time. */
const beatMs = 400
/** How long whoever listens may take to hear that the server stops. */
const [stopSteps, stopStepMs] = [25, 20]
/** Items that all hubs keep together; each keeps some of them, however many there are. */
const ringItems = { all: 65_536, least: 64, most: 1_024 } as const
const ringBytes = { all: 64 * 1024 * 1024, least: 256 * 1024, most: 4 * 1024 * 1024 } as const
/** Pages that are read from the index at once. */
const readsAtOnce = 4

type Listener = Subscriber & {
  readonly isLive: () => boolean
  readonly room: Room
  readonly seesActs: boolean
  readonly release: () => void
}
type Room = { readonly hub: Hub; readonly stop: () => void }

export function createFeed({ ports, gate, limits, clock, log }: FeedOptions): Feed {
  const rooms = new Map<string, Room>()
  const listeners = new Set<Listener>()
  const closing = new Set<Sink>()
  const ofPrincipal = new Map<string, number>()
  const ended = Object.fromEntries(Object.keys(closeCodes).map((cause) => [cause, 0])) as Record<CloseCause, number>
  const matches = new Map<string, { readonly match: FilterMatch; users: number }>()
  const inTurn = createTurnstile(readsAtOnce)
  const stopping = new AbortController()

  const bounds = (): RingBounds => {
    const share = ({ all, least, most }: typeof ringItems | typeof ringBytes) =>
      Math.min(most, Math.max(least, Math.floor(all / Math.max(1, rooms.size))))
    return { itemsMax: share(ringItems), bytesMax: share(ringBytes) }
  }

  function roomOf(tenant: string): Room {
    const known = rooms.get(tenant)
    if (known !== undefined) return known
    const over = new AbortController()
    const ending = (subscriber: Subscriber, cause: CloseCause) => end(subscriber as Listener, cause)
    const hub = openHub({ ports, tenant, bounds, inTurn, end: ending })
    const room: Room = { hub, stop: () => over.abort() }
    rooms.set(tenant, room)
    hub.run(AbortSignal.any([over.signal, stopping.signal])).catch((error: unknown) => fail(room, tenant, error))
    return room
  }

  /** A tenant that was erased, or a ledger that was altered: nothing more can be told of it. */
  function fail(room: Room, tenant: string, error: unknown): void {
    const isGone = !ports.ledgers.has(tenant)
    if (!isGone) log.error('a ledger cannot be told', { tenant, error })
    for (const listener of listeners) if (listener.room === room) end(listener, isGone ? 'ACCESS_ENDED' : 'INTERNAL')
  }

  function matchOf(filter: Filter): { match: FilterMatch; release: () => void } {
    const text = printFilter(filter)
    const known = matches.get(text) ?? { match: filterMatch(filter), users: 0 }
    matches.set(text, known)
    known.users += 1
    const release = () => {
      known.users -= 1
      if (known.users === 0) matches.delete(text)
    }
    return { match: known.match, release }
  }

  function forget(listener: Listener): void {
    if (!listeners.delete(listener)) return
    listener.closed = true
    const { room, by, release } = listener
    room.hub.leave(listener)
    release()
    const name = nameOf(by.principal)
    const left = (ofPrincipal.get(name) ?? 1) - 1
    if (left === 0) ofPrincipal.delete(name)
    else ofPrincipal.set(name, left)
    if (room.hub.count > 0) return
    rooms.delete(by.tenant)
    room.stop()
  }

  function end(listener: Listener, cause: CloseCause): void {
    if (listener.closed) return
    ended[cause] += 1
    forget(listener)
    const { sink, cursor } = listener
    closing.add(sink)
    void sink.close(cause, cursor).then(() => closing.delete(sink))
  }

  function checkRoom(by: Authorised<'feed:subscribe'>): void {
    const own = ofPrincipal.get(nameOf(by.principal)) ?? 0
    const ofTenant = rooms.get(by.tenant)?.hub.count ?? 0
    if (own < limits.perPrincipal && ofTenant < limits.perTenant && !stopping.signal.aborted) return
    const received = own >= limits.perPrincipal ? `${own} of one principal` : `${ofTenant} of one tenant`
    throw apiError('FEED_TOO_MANY', { attempted: 'opening a feed', received })
  }

  function causeToEnd(listener: Listener): CloseCause | undefined {
    const { by, isLive, sink } = listener
    if (!isLive()) return 'CREDENTIALS_ENDED'
    const seesLess = listener.seesActs && !maySeeActs(gate, by)
    if (seesLess || !gate.mayDo(by.principal, by.action, by.tenant)) return 'ACCESS_ENDED'
    return isStuck(listener, clock) || !sink.beat() ? 'TOO_SLOW' : undefined
  }

  return {
    ended,
    get sockets() {
      return listeners.size
    },
    checkRoom,
    join: (by, { filter: wanted, cursor }, sink, isLive) => {
      checkRoom(by)
      const filter = seenBy(gate, by, wanted)
      const seesActs = maySeeActs(gate, by)
      const from = cursor ?? ports.ledgers.get(by.tenant).size
      const room = roomOf(by.tenant)
      const state = { cursor: from, next: undefined, stalledNs: undefined, closed: false }
      const listener: Listener = { by, filter, sink, isLive, room, seesActs, ...matchOf(filter), ...state }
      listeners.add(listener)
      const name = nameOf(by.principal)
      ofPrincipal.set(name, (ofPrincipal.get(name) ?? 0) + 1)
      room.hub.join(listener)
      return { leave: () => forget(listener), end: (cause) => end(listener, cause) }
    },
    run: async (signal) => {
      while (!signal.aborted) {
        await clock.sleep(beatMs, signal)
        for (const listener of listeners) {
          const cause = causeToEnd(listener)
          if (cause !== undefined) end(listener, cause)
        }
        for (const [tenant, room] of rooms) room.hub.beat().catch((error: unknown) => fail(room, tenant, error))
      }
      stopping.abort()
      for (const listener of listeners) end(listener, 'SERVER_STOPPING')
      // Those that read hear it; nobody waits for the others.
      for (let i = 0; i < stopSteps && closing.size > 0; i += 1) await clock.sleep(stopStepMs)
      for (const sink of closing) sink.drop()
    },
  }
}

/** Lets `max` works run at a time; the others wait in their order. */
function createTurnstile(max: number): <T>(work: () => Promise<T>) => Promise<T> {
  let busy = 0
  const waiting: (() => void)[] = []
  return async (work) => {
    if (busy < max) busy += 1
    else await new Promise<void>((resolve) => waiting.push(resolve))
    try {
      return await work()
    } finally {
      // Whoever waits gets the place itself, so that nobody comes in between.
      const next = waiting.shift()
      if (next === undefined) busy -= 1
      else next()
    }
  }
}
