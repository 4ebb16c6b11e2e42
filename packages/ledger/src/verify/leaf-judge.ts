// SPDX-License-Identifier: Apache-2.0

import { bundleError } from './bundle-records.ts'
import { createChainWalk } from './chain.ts'
import { checkKeyRecord, headKeyId, verifyHead } from './head.ts'
import type { KeyRecord, ParsedLine } from './line.ts'
import type { Sha256 } from './merkle.ts'
import type { VerifyEd25519 } from './note.ts'
import { createSubmissionWalk } from './submission.ts'

export type LeafCounts = {
  /** Lines of hosts that a head covers with a valid signature. */
  signedByHost: number
  /** Lines of hosts that no head will cover any more: they stand before a gap. */
  notCovered: number
  /** In the place of batches, and of submissions. */
  stubs: number
}

/**
 * Judges what the lines of one ledger say, leaf after leaf: that each continues its chain, stands where its kind may,
 * names this tenant and this ledger, and that heads are signed by the keys that were registered, and not revoked, before them.
 */
export type LeafJudge = {
  readonly counts: Readonly<LeafCounts>
  /** Lines of hosts that no head covers yet, and rows whose submission has not come. */
  readonly uncovered: number
  take(parsed: ParsedLine, attempted: string): void
  /** `count` events that follow one another, from `first` to `last`. */
  takeRun(first: ParsedLine, last: ParsedLine, count: number, attempted: string): void
  /** Leaves were left out. */
  skip(): void
}

export function createLeafJudge(options: {
  readonly sha256: Sha256
  readonly verify: VerifyEd25519
  readonly tenant: string
  readonly origin: string
}): LeafJudge {
  const { sha256, verify, tenant, origin } = options
  const walk = createChainWalk()
  const keys = new Map<string, KeyRecord>()
  const revoked = new Set<string>()
  const uncovered = new Map<string, number>()
  const submissions = createSubmissionWalk(sha256, () => undefined)
  const counts: LeafCounts = { signedByHost: 0, notCovered: 0, stubs: 0 }
  const wrong = (attempted: string, received: string) => bundleError('BUNDLE_ALTERED', { attempted, received })
  const countUncovered = () => [...uncovered.values()].reduce((sum, count) => sum + count, submissions.open)

  function takeRun(first: ParsedLine, last: ParsedLine, count: number, attempted: string): void {
    const { chain } = first
    walk.step(first, attempted, last)
    submissions.passBy(attempted)
    if (chain !== walk.own) uncovered.set(chain, (uncovered.get(chain) ?? 0) + count)
  }

  return {
    counts,
    get uncovered() {
      return countUncovered()
    },
    takeRun,
    take(parsed, attempted) {
      const { chain, kind } = parsed
      if (kind === 'event') {
        takeRun(parsed, parsed, 1, attempted)
        return
      }
      // Before its line: behind a close the head is the last that the epoch's key signs.
      const { epoch } = kind === 'head' ? walk.position(chain) : {}
      walk.step(parsed, attempted)
      submissions.take(parsed.line, attempted)
      const isOwn = chain === walk.own
      const open = isOwn ? 0 : (uncovered.get(chain) ?? 0) + 1
      const { line } = parsed
      if ('anchor' in line && line.anchor.tenant !== tenant)
        throw wrong(attempted, `a line of tenant ${line.anchor.tenant}`)
      if (isOwn) {
        if ('anchor' in line && line.anchor.origin !== origin)
          throw wrong(attempted, `an anchor of the ledger ${line.anchor.origin}`)
        if ('key' in line) keys.set(line.key.key_id, checkKeyRecord(sha256, line.key, attempted))
        if ('registry' in line && line.registry.change === 'revoked') revoked.add(line.registry.key_id)
        if ('stub' in line || 'submission_stub' in line) counts.stubs += 1
        return
      }
      const key = 'head' in line ? keys.get(headKeyId(line.head.note, attempted)) : undefined
      if (key === undefined) {
        uncovered.set(chain, open)
        return
      }
      if (revoked.has(key.key_id))
        throw wrong(attempted, `a head under the key ${key.key_id}, which was revoked before`)
      verifyHead(sha256, verify, parsed, key, attempted, epoch)
      uncovered.delete(chain)
      counts.signedByHost += open
    },
    skip() {
      walk.skip()
      // A head beyond the gap cannot be followed back to these lines.
      counts.notCovered += countUncovered()
      submissions.skip()
      uncovered.clear()
    },
  }
}
