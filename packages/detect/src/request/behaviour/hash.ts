// SPDX-License-Identifier: Apache-2.0

import { behaviourLimits } from './limits.ts'

/**
 * Four words that nobody outside knows, so that nobody can choose a name that is taken for another one. Names are kept as
 * hashes only; these are no cryptographic ones: who has a snapshot can try names.
 */
export type Seed = readonly [number, number, number, number]

/** 32 bits, of as much of the text as the limit says and its length. */
export function hashText(text: string, seed: number): number {
  const to = Math.min(text.length, behaviourLimits.textUnitsMax)
  let hash = seed
  for (let at = 0; at < to; at += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x5bd1e995)
    hash ^= hash >>> 15
  }
  return mix(hash, text.length)
}

/** Of two words, with every bit of them in every bit of it. */
export function mix(one: number, other: number): number {
  let hash = Math.imul(one ^ Math.imul(other, 0x9e3779b1), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
