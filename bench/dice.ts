// SPDX-License-Identifier: Apache-2.0

/** A whole number from 0 up to below `sides`. */
export type Dice = (sides: number) => number

/** The same throws for the same seed: all turns and all machines measure the same (xorshift, Marsaglia 2003). */
export function createDice(seed: number): Dice {
  let state = seed
  return (sides) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % sides
  }
}
