// SPDX-License-Identifier: Apache-2.0
// RFC 9162, 2.1, written down as the RFC says it, over whole arrays: what the real thing is held against.

import { createHash } from 'node:crypto'

const sha256 = (...parts: Uint8Array[]) => {
  const state = createHash('sha256')
  for (const part of parts) state.update(part)
  return state.digest()
}

/** 2.1.1: MTH(D_n). */
export function naiveRoot(entries: readonly Uint8Array[]): Buffer {
  if (entries.length === 0) return sha256()
  if (entries.length === 1) return sha256(Uint8Array.of(0), entries[0] as Uint8Array)
  const k = splitOf(entries.length)
  return sha256(Uint8Array.of(1), naiveRoot(entries.slice(0, k)), naiveRoot(entries.slice(k)))
}

/** 2.1.3.1: PATH(m, D_n). */
export function naivePath(m: number, entries: readonly Uint8Array[]): Buffer[] {
  if (entries.length === 1) return []
  const k = splitOf(entries.length)
  return m < k
    ? [...naivePath(m, entries.slice(0, k)), naiveRoot(entries.slice(k))]
    : [...naivePath(m - k, entries.slice(k)), naiveRoot(entries.slice(0, k))]
}

/** 2.1.4.1: PROOF(m, D_n), for 0 < m < n. */
export const naiveProof = (m: number, entries: readonly Uint8Array[]): Buffer[] => subproof(m, entries, true)

function subproof(m: number, entries: readonly Uint8Array[], isWhole: boolean): Buffer[] {
  if (m === entries.length) return isWhole ? [] : [naiveRoot(entries)]
  const k = splitOf(entries.length)
  return m <= k
    ? [...subproof(m, entries.slice(0, k), isWhole), naiveRoot(entries.slice(k))]
    : [...subproof(m - k, entries.slice(k), false), naiveRoot(entries.slice(0, k))]
}

/** The largest power of two smaller than n. */
function splitOf(n: number): number {
  let k = 1
  while (k * 2 < n) k *= 2
  return k
}
