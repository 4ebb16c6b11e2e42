// SPDX-License-Identifier: Apache-2.0

import type { Draft } from '@sealwatch/ledger/chain'
import { type Sheddable, shedOrder } from './shed-order.ts'

/** An event on its way to the chain; with `shed` it gives way when there is no room. */
export type Waiting = { readonly draft: Draft; readonly shed: Sheddable | undefined }

/** What waits to be sealed, in the order in which it came. */
export type Queue = {
  readonly size: number
  /** Of these, those that nothing may push out. */
  readonly kept: number
  /**
   * Whether there is room for one more of this kind: below `maxQueueDepth`, or where something that matters less gave way, or where
   * nothing may keep it out.
   */
  makeRoom(shed: Sheddable | undefined): boolean
  push(waiting: Waiting): void
  /** Takes all out. */
  takeAll(): readonly Waiting[]
  /** What was taken and could not be sealed, before all that came since. */
  putBack(taken: readonly Waiting[]): void
}

const rankOf = (shed: Sheddable | undefined) => (shed === undefined ? shedOrder.length : shedOrder.indexOf(shed.kind))

/** `onShed` is told of each event that gives way. */
export function createQueue(limits: { readonly maxQueueDepth: number }, onShed: (shed: Sheddable) => void): Queue {
  // What gave way leaves a hole, so that nothing moves; the places of what can, by its rank.
  let slots: (Waiting | undefined)[] = []
  let places: number[][] = shedOrder.map(() => [])
  let size = 0

  /** Of what matters less than this rank, the youngest of what matters least: how it began says more than how it went on. */
  function giveWay(rank: number): boolean {
    const place = places
      .slice(0, rank)
      .find(({ length }) => length > 0)
      ?.pop()
    if (place === undefined) return false
    const shed = slots[place]?.shed
    slots[place] = undefined
    size -= 1
    if (shed !== undefined) onShed(shed)
    return true
  }

  const makeRoom = (shed: Sheddable | undefined) =>
    size < limits.maxQueueDepth || giveWay(rankOf(shed)) || shed === undefined

  function push(waiting: Waiting): void {
    if (waiting.shed !== undefined) places[rankOf(waiting.shed)]?.push(slots.length)
    slots.push(waiting)
    size += 1
  }

  function takeAll(): readonly Waiting[] {
    const taken = slots.filter((slot) => slot !== undefined)
    slots = []
    places = shedOrder.map(() => [])
    size = 0
    return taken
  }

  return {
    get size() {
      return size
    },
    get kept() {
      return places.reduce((kept, { length }) => kept - length, size)
    },
    makeRoom,
    push,
    takeAll,
    putBack(taken) {
      const since = takeAll()
      for (const waiting of taken) push(waiting)
      for (const waiting of since) {
        if (makeRoom(waiting.shed)) push(waiting)
        else if (waiting.shed !== undefined) onShed(waiting.shed)
      }
    },
  }
}
