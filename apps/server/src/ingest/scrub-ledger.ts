// SPDX-License-Identifier: Apache-2.0

import { createFrontier, equal, type Ledger, leafHash, sha256 } from '@sealwatch/ledger'

/** What a walk over a whole ledger found. `leaf` is the first line that differs from the tree that was signed. */
export type Integrity = {
  readonly tenant: string
  readonly checked: number
  readonly size: number
  readonly problem: { readonly leaf: number; readonly text: string } | undefined
}

const leavesAtOnce = 1024

/**
 * Hashes every line that was there at the start and holds it against the stored tree and the signed root. Opening a
 * ledger trusts what was saved when it was last signed; this finds what was altered on the disk since.
 */
export async function scrubLedger(
  ledger: Ledger,
  signal: AbortSignal,
  onProgress: (integrity: Integrity) => void,
): Promise<void> {
  const { tenant, signed, size } = ledger
  const frontier = createFrontier(sha256)
  let problem: Integrity['problem']
  while (frontier.size < size && problem === undefined && !signal.aborted) {
    const leaves = await ledger.read(frontier.size, Math.min(leavesAtOnce, size - frontier.size))
    const stored = ledger.leafHashes(frontier.size, frontier.size + leaves.length)
    for (const [i, { index, line }] of leaves.entries()) {
      const hash = leafHash(sha256, line)
      frontier.append(hash)
      const isSigned = frontier.size !== signed?.size || equal(frontier.root(), signed.root)
      if (problem !== undefined || (equal(hash, stored[i] as Uint8Array) && isSigned)) continue
      problem = {
        leaf: index,
        text: isSigned ? 'the line differs from its stored hash' : 'the lines do not lead to the signed root',
      }
    }
    onProgress({ tenant, checked: frontier.size, size, problem })
  }
}
