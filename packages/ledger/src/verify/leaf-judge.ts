// SPDX-License-Identifier: Apache-2.0

import { errorsOf } from '@sealwatch/base/errors'
import { linkBatch, verifyBatch } from './batch.ts'
import { bundleError } from './bundle-records.ts'
import { chainStart, createChainWalk, fillLinesMax } from './chain.ts'
import { chainErrors } from './chain-errors.ts'
import { type Announced, createOpenStubs, filledBytes, isCovered } from './fill.ts'
import { checkKeyRecord, headKeyId, readHead, verifyHead } from './head.ts'
import { isRevokedFor, keyFault } from './key-fault.ts'
import type { KeyRecord, Line, ParsedLine, RegistryChange, Submission } from './line.ts'
import type { Sha256 } from './merkle.ts'
import type { VerifyEd25519 } from './note.ts'
import { createSubmissionWalk, isSignedBy, type VerifyRsa } from './submission.ts'
import { createOpenSubmissions } from './submission-fill.ts'

const chainError = errorsOf(chainErrors)

export type LeafCounts = {
  /** Lines of hosts that a head covers with a valid signature. */
  signedByHost: number
  /** Rows of services that the submission behind them covers with a valid signature. */
  signedByService: number
  /** Lines of hosts that no head will cover any more: they stand before a gap. */
  notCovered: number
  /** In the place of batches, and of submissions. */
  stubs: number
  /** Of the lines of hosts, and the rows of services, those that came in the place of a stub. */
  replayed: number
  /** Of these, those that nobody vouches for. */
  unverified: number
}

/**
 * Judges what the lines of one ledger say, leaf after leaf: that each continues its chain, stands where its kind may,
 * names this tenant and this ledger, and that heads are signed by the keys that were registered, and not revoked, before them.
 */
export type LeafJudge = {
  readonly counts: Readonly<LeafCounts>
  /** Lines of hosts that no head covers yet, rows whose submission has not come, and what a replay announced and did not come. */
  readonly uncovered: number
  /** Lines come out of turn: they are to be taken one by one. */
  readonly isFilling: boolean
  take(parsed: ParsedLine, attempted: string): void
  /** `count` events that follow one another, from `first` to `last`. */
  takeRun(first: ParsedLine, last: ParsedLine, count: number, attempted: string): void
  /** So many leaves were left out. */
  skip(leaves: number): void
}

export function createLeafJudge(options: {
  readonly sha256: Sha256
  readonly verify: VerifyEd25519
  readonly verifyRsa?: VerifyRsa | undefined
  readonly tenant: string
  readonly origin: string
}): LeafJudge {
  const { sha256, verify, tenant, origin } = options
  const walk = createChainWalk()
  const keys = new Map<string, KeyRecord>()
  /** Where the line stands that revokes a key, and what it says. */
  const revoked = new Map<string, { readonly leaf: number; readonly terms: RegistryChange }>()
  const uncovered = new Map<string, number>()
  const submissions = createSubmissionWalk(sha256, judgeSubmission)
  /** Of services, by service and id: a key stands under one id for ever. */
  const services = new Map<string, RegistryChange>()
  /** Where a line about keys stands. */
  const registries = new Set<number>()
  const stubs = createOpenStubs()
  const openSubmissions = createOpenSubmissions()
  let announced: Announced | undefined
  let leaf = 0
  let hasGaps = false
  const counts: LeafCounts = {
    signedByHost: 0,
    notCovered: 0,
    stubs: 0,
    replayed: 0,
    unverified: 0,
    signedByService: 0,
  }
  const wrong = (attempted: string, received: string) => bundleError('BUNDLE_ALTERED', { attempted, received })
  const outOfTurn = () => walk.due + (announced?.lines.length ?? 0)
  const countUncovered = () =>
    [...uncovered.values()].reduce((sum, count) => sum + count, submissions.open + outOfTurn())

  /** Throws SUBMISSION_UNVERIFIED. What nobody here can check is counted as not covered. */
  function judgeSubmission(submission: Submission, payload: Uint8Array, attempted: string, isReplayed: boolean): void {
    const { producer, key_id, mark, rows, registry } = submission
    if (mark === null && !hasGaps && !registries.has(registry))
      throw wrong(attempted, `rows judged by leaf ${registry}, which is no line about keys before them`)
    const key = services.get(`${producer} ${key_id}`)
    if (key === undefined && mark === null && !hasGaps)
      throw wrong(attempted, `rows under the key ${key_id}, which nobody registered for the service ${producer}`)
    const isHeld = mark === null && key !== undefined && isSignedBy(key, submission, payload, options)
    const fault = key === undefined || mark !== null ? undefined : keyFault(key, submission.received_at)
    // A gap may hide that its window was changed, and not that its revocation was taken back: that is for good.
    if (fault !== undefined && key !== undefined && (!hasGaps || isRevokedFor(key, submission.received_at)))
      throw wrong(attempted, `rows of ${submission.received_at} under the key ${key_id}, which was ${fault} then`)
    if (isHeld === false && key !== undefined && mark === null)
      throw chainError('SUBMISSION_UNVERIFIED', { attempted, received: `the submission ${submission.id}` })
    if (isReplayed) counts.replayed += rows
    if (mark !== null) counts.unverified += rows
    else if (isHeld === true) counts.signedByService += rows
    else counts.notCovered += rows
  }

  function takeRun(first: ParsedLine, last: ParsedLine, count: number, attempted: string): void {
    const { chain } = first
    walk.step(first, attempted, last)
    stubs.passBy(first)
    submissions.passBy(attempted)
    leaf += count
    if (chain !== walk.own) uncovered.set(chain, (uncovered.get(chain) ?? 0) + count)
  }

  /** A line that a replay announced; behind the last of them they are judged together. */
  function takeFilled(filled: Announced, parsed: ParsedLine, attempted: string): void {
    walk.step(parsed, attempted)
    leaf += 1
    filled.lines.push(parsed)
    if (walk.due > 0) return
    announced = undefined
    const bytes = filledBytes(sha256, filled, attempted)
    const { replay, start, lines } = filled
    counts.replayed += lines.length
    if (replay.how !== 'verified') {
      counts.unverified += lines.length
      return
    }
    const last = lines.at(-1)
    const head = last?.kind === 'head' ? readHead(last, attempted) : undefined
    const key = head && keys.get(headKeyId(head.note, attempted))
    if (key === undefined && hasGaps) {
      counts.notCovered += lines.length
      return
    }
    if (key === undefined) throw wrong(attempted, 'lines replayed as verified under a key that nobody registered')
    const batch = verifyBatch(
      sha256,
      verify,
      linkBatch(sha256, { chain: replay.chain, lines: bytes }, start, fillLinesMax),
      key,
    )
    for (const { line } of batch.others.values()) checkTenant(line, attempted)
    checkNotRevoked(key.key_id, filled, attempted)
    counts.signedByHost += lines.length
  }

  /** Lines that came behind the revocation of their key count where the chain went on from them, and never if it was stolen. */
  function checkNotRevoked(keyId: string, filled: Announced, attempted: string): void {
    const gone = revoked.get(keyId)
    const { replay, stubTime } = filled
    if (gone === undefined || stubTime === undefined) return
    const { leaf: at, terms } = gone
    const isStolen = terms.compromised_since !== null && terms.compromised_since <= stubTime
    // What came next may have been left out.
    const isLate = at < replay.stub_leaf && !isCovered(filled) && (filled.next !== undefined || !hasGaps)
    if (isStolen || isLate)
      throw wrong(attempted, `lines replayed as verified under the key ${keyId}, which was revoked when they came`)
  }

  function checkTenant(line: Line, attempted: string): void {
    if ('anchor' in line && line.anchor.tenant !== tenant)
      throw wrong(attempted, `a line of tenant ${line.anchor.tenant}`)
  }

  return {
    counts,
    get uncovered() {
      return countUncovered()
    },
    get isFilling() {
      return announced !== undefined
    },
    takeRun,
    take(parsed, attempted) {
      if (announced !== undefined) {
        takeFilled(announced, parsed, attempted)
        return
      }
      const { chain, kind } = parsed
      if (kind === 'event') {
        takeRun(parsed, parsed, 1, attempted)
        return
      }
      // Before its line: behind a close the head is the last that the epoch's key signs.
      const { epoch } = kind === 'head' ? walk.position(chain) : {}
      const { line } = parsed
      const at = leaf
      const before = 'stub' in line ? walk.position(line.stub.chain) : undefined
      walk.step(parsed, attempted)
      stubs.passBy(parsed)
      submissions.take(line, attempted)
      leaf += 1
      const isOwn = chain === walk.own
      const open = isOwn ? 0 : (uncovered.get(chain) ?? 0) + 1
      checkTenant(line, attempted)
      if (isOwn) {
        if ('anchor' in line && line.anchor.origin !== origin)
          throw wrong(attempted, `an anchor of the ledger ${line.anchor.origin}`)
        if ('key' in line || 'registry' in line) registries.add(at)
        if ('key' in line) keys.set(line.key.key_id, checkKeyRecord(sha256, line.key, attempted))
        if ('registry' in line && line.registry.producer_kind === 'service')
          services.set(`${line.registry.producer} ${line.registry.key_id}`, line.registry)
        if ('registry' in line && line.registry.change === 'revoked')
          revoked.set(line.registry.key_id, { leaf: at, terms: line.registry })
        if ('stub' in line || 'submission_stub' in line) counts.stubs += 1
        if ('stub' in line) stubs.add(at, parsed, before ?? chainStart)
        if ('submission_stub' in line) openSubmissions.add(at, line.submission_stub)
        if ('replay' in line) announced = stubs.fill(line.replay, attempted)
        if ('submission_replay' in line) submissions.announce(openSubmissions.fill(line.submission_replay, attempted))
        return
      }
      const head = 'head' in line ? readHead(parsed, attempted) : undefined
      const key = head && keys.get(headKeyId(head.note, attempted))
      if (head === undefined || key === undefined) {
        uncovered.set(chain, open)
        return
      }
      if (revoked.has(key.key_id))
        throw wrong(attempted, `a head under the key ${key.key_id}, which was revoked before`)
      verifyHead(sha256, verify, head, key, attempted, epoch)
      uncovered.delete(chain)
      counts.signedByHost += open
    },
    skip(leaves) {
      counts.notCovered += announced?.lines.length ?? 0
      announced = undefined
      walk.skip()
      leaf += leaves
      hasGaps = true
      stubs.skip(leaf)
      openSubmissions.skip(leaf)
      // A head beyond the gap cannot be followed back to these lines.
      counts.notCovered += countUncovered()
      submissions.skip()
      uncovered.clear()
    },
  }
}
