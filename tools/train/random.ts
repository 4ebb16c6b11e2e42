// SPDX-License-Identifier: Apache-2.0

/** Numbers that are the same on every machine and in every engine. */
export type Random = {
  /** A whole number from 0 to below `end`, which is at most 2^32. */
  below(end: number): number
  pick<T>(options: readonly T[]): T
  /** Whether something happens that happens in one of `times`. */
  oneIn(times: number): boolean
}

/** A 32-bit xorshift with a multiplied output (Marsaglia, "Xorshift RNGs", 2003; Vigna, "xorshift*", 2016). */
export function randomFrom(seed: number): Random {
  let state = (Math.imul(seed, 0x9e3779b1) ^ 0x6d2b79f5) | 1
  const next = (): number => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return Math.imul(state, 0x9e3779bb) >>> 0
  }
  const below = (end: number): number => Math.floor((next() / 4294967296) * end)
  return { below, pick: (options) => options[below(options.length)] as never, oneIn: (times) => below(times) === 0 }
}

/** The same items in another order (Fisher and Yates). */
export function shuffled<T>(items: readonly T[], random: Random): T[] {
  const order = [...items]
  for (let last = order.length - 1; last > 0; last -= 1) {
    const other = random.below(last + 1)
    const moved = order[last] as T
    order[last] = order[other] as T
    order[other] = moved
  }
  return order
}
