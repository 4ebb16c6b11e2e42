// SPDX-License-Identifier: Apache-2.0

/** What goes on at once for each of many: a tenant that keeps the server busy keeps itself waiting. */
export type Turns = {
  /** Undefined: as many as may be are under way. Else to be called when it is over; again does nothing. */
  enter(key: string, atOnceMax: number): (() => void) | undefined
}

export function createTurns(): Turns {
  const underWay = new Map<string, number>()
  return {
    enter: (key, atOnceMax) => {
      const count = underWay.get(key) ?? 0
      if (count >= atOnceMax) return undefined
      underWay.set(key, count + 1)
      let isOver = false
      return () => {
        if (isOver) return
        isOver = true
        const left = (underWay.get(key) ?? 1) - 1
        if (left === 0) underWay.delete(key)
        else underWay.set(key, left)
      }
    },
  }
}
