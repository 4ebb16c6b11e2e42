// SPDX-License-Identifier: Apache-2.0

import { type Leaf, type Ledger, parseLine, sha256 } from '@sealwatch/ledger'

const replayWord = Buffer.from('"replay":')

/**
 * Why nobody vouches for what comes in behind a replay, as whoever reads a ledger leaf after leaf sees it. A fill is written
 * as a whole: who begins where a ledger ends does not begin within one.
 */
export function createFillMarks({ chain }: Pick<Ledger, 'chain'>): { of(leaf: Leaf): string | null } {
  let until = 0
  let mark: string | null = null
  return {
    of: (leaf) => {
      if (leaf.index < until) return mark
      const { buffer, byteOffset, byteLength } = leaf.line
      // Of nearly all lines this is all that is asked.
      if (!Buffer.from(buffer, byteOffset, byteLength).includes(replayWord)) return null
      const { line } = parseLine(sha256, leaf.line, `reading leaf ${leaf.index}`)
      if (!('replay' in line) || line.chain !== chain) return null
      const { first_seq, next_seq, how, reason } = line.replay
      mark = how === 'verified' ? null : reason
      until = leaf.index + 1 + next_seq - first_seq
      return mark
    },
  }
}
