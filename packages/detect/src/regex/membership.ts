// SPDX-License-Identifier: Apache-2.0

import type { CharSet } from './parse.ts'

type Ranges = CharSet['ranges']

/**
 * Whether a character is of a set, by halving its ranges. All states of one set ask the same function, which remembers
 * the character that it was asked about last: a text costs that once for each set, and not for each state.
 */
export function membership({ negated, ranges }: CharSet, ignoreCase: boolean): (unit: number) => boolean {
  const plain = merged(ranges)
  const flat = (ignoreCase ? merged([...plain, ...foldedInto(plain)]) : plain).flat()
  const has = (unit: number) => isWithin(flat, unit) !== negated
  const ascii = Uint8Array.from({ length: 128 }, (_, unit) => Number(has(unit)))
  let [last, answer] = [0, has(0)]
  return (unit) => {
    if (unit < 128) return ascii[unit] === 1
    if (unit !== last) [last, answer] = [unit, has(unit)]
    return answer
  }
}

/** In order, and with a gap between each two. */
function merged(ranges: Ranges): Ranges {
  const apart: [number, number][] = []
  for (const [low, high] of ranges.toSorted(([one], [other]) => one - other)) {
    const before = apart.at(-1)
    if (before && low <= before[1] + 1) before[1] = Math.max(before[1], high)
    else apart.push([low, high])
  }
  return apart
}

/** `flat`: low, high, low, high … */
function isWithin(flat: readonly number[], unit: number): boolean {
  const at = firstAbove(flat.length, (index) => (flat[index] as number) > unit)
  return at % 2 === 1 || flat[at - 1] === unit
}

/** The first index for which it holds, where it holds for all behind. */
function firstAbove(length: number, holds: (index: number) => boolean): number {
  let [low, high] = [0, length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (holds(middle)) high = middle
    else low = middle + 1
  }
  return low
}

/** What has its other case within. */
function foldedInto(ranges: Ranges): Ranges {
  pairs ??= casePairs()
  const [known, folded] = [pairs, [] as [number, number][]]
  for (const [low, high] of ranges)
    for (let at = firstAbove(known.length, (index) => (known[index] as Pair)[1] >= low); at < known.length; at += 1) {
      const [unit, other] = known[at] as Pair
      if (other > high) break
      folded.push([unit, unit])
    }
  return folded
}

/** Every character that has another case, with that, in order of the latter. */
type Pair = readonly [unit: number, other: number]
let pairs: readonly Pair[] | undefined

function casePairs(): readonly Pair[] {
  const every = Array.from({ length: 0x10000 }, (_, unit): Pair => [unit, otherCase(unit)])
  return every.filter(([unit, other]) => unit !== other).sort(([, one], [, other]) => one - other)
}

/** As ECMAScript has it: what is not ASCII is never the other case of what is. */
function otherCase(unit: number): number {
  const char = String.fromCharCode(unit)
  const lower = char.toLowerCase()
  const other = lower === char ? char.toUpperCase() : lower
  return other.length === 1 && other.charCodeAt(0) < 0x80 === unit < 0x80 ? other.charCodeAt(0) : unit
}
