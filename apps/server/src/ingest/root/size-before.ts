// SPDX-License-Identifier: Apache-2.0

import { type Ledger, type Line, parseLine, sha256 } from '@sealwatch/ledger'
import type { PlacedHead } from './root-book.ts'

const readMax = 1024

/**
 * Leaves that a tenant's ledger had at the last head that was written before `ms` (Unix): whatever lies beyond them came in after that
 * head, which is a second before `ms` at most while the ledger grows. `newest` is the tenant's last head of all. By the server's clock:
 * where that was set back meanwhile, it is about as far off.
 */
export async function sizeBefore(
  root: Ledger,
  newest: PlacedHead | undefined,
  ms: number,
  signal: AbortSignal,
): Promise<number> {
  if (newest === undefined) return 0
  const first = await firstSince(root, ms)
  // The next head says how large the one before it was.
  for (let from = first; from <= newest.index && !signal.aborted; from += readMax) {
    for (const leaf of await root.read(from, readMax)) {
      const line = lineOf(leaf)
      if ('tenant_head' in line && line.tenant_head.label === newest.label) return line.tenant_head.prev_size ?? 0
    }
  }
  return newest.size
}

/** The first leaf of the root ledger that was written at `ms` or later. */
async function firstSince(root: Ledger, ms: number): Promise<number> {
  let [from, to] = [0, root.size]
  while (from < to) {
    const middle = Math.floor((from + to) / 2)
    const [leaf] = await root.read(middle, 1)
    if (leaf !== undefined && Date.parse(lineOf(leaf).time) < ms) from = middle + 1
    else to = middle
  }
  return from
}

const lineOf = ({ index, line }: { readonly index: number; readonly line: Uint8Array }): Line =>
  parseLine(sha256, line, `reading leaf ${index} of the root ledger`).line
