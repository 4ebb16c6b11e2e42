// SPDX-License-Identifier: Apache-2.0

/** What goes on at once for each of many: a tenant that keeps the server busy keeps itself waiting. */
export type Turns = {
  /** Undefined: as many as may be are under way. Else to be called when it is over; again does nothing. */
  enter(key: string, atOnceMax: number): (() => void) | undefined
}

/** Keys of which nothing is under way, at most: each deletion from a map in use is work for the next full collection. */
const restingMax = 1_024

export function createTurns(): Turns {
  const underWay = new Map<string, { count: number }>()
  let sweepAt = restingMax
  function sweep(): void {
    for (const [key, { count }] of underWay) if (count === 0) underWay.delete(key)
    sweepAt = underWay.size + restingMax
  }
  function placeOf(key: string): { count: number } {
    const known = underWay.get(key)
    if (known !== undefined) return known
    if (underWay.size >= sweepAt) sweep()
    const place = { count: 0 }
    underWay.set(key, place)
    return place
  }
  return {
    enter: (key, atOnceMax) => {
      const place = placeOf(key)
      if (place.count >= atOnceMax) return undefined
      place.count += 1
      let isOver = false
      return () => {
        if (isOver) return
        isOver = true
        place.count -= 1
      }
    },
  }
}
