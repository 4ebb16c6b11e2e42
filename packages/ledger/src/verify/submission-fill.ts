// SPDX-License-Identifier: Apache-2.0
// Quarantined rows of services, which enter their ledger after all (submission.md, 8).

import { errorsOf } from '@sealwatch/base/errors'
import { canonicalize } from '@sealwatch/base/json'
import { payloadOf } from '@sealwatch/contract/submission'
import { chainErrors } from './chain-errors.ts'
import type { Body, Submission, SubmissionReplay, SubmissionStub } from './line.ts'
import type { Sha256 } from './merkle.ts'

const chainError = errorsOf(chainErrors)
const utf8 = new TextEncoder()

/** What a service signed, and how: `signature` in base64. */
export type SignedSubmission = Pick<
  Submission,
  'id' | 'form' | 'payload_type' | 'key_id' | 'algorithm' | 'signature'
> & { readonly payload: Uint8Array }

/** The bytes of a submission as quarantine keeps them (submission.md, 7.2): all that it takes to judge it again. */
export function keptSubmission(signed: SignedSubmission): Uint8Array {
  const { id, form, payload, payload_type, key_id, algorithm, signature } = signed
  return utf8.encode(
    canonicalize({ id, form, payload: payload.toBase64(), payload_type, key_id, algorithm, signature }),
  )
}

/** What announces the rows of a submission that waits in quarantine, the rows, and itself. Throws CHAIN_BROKEN unless they are those of the stub. */
export function submissionFill(
  sha256: Sha256,
  { signed, texts }: { readonly signed: SignedSubmission; readonly texts: readonly string[] },
  place: {
    readonly stub: SubmissionStub
    readonly stubLeaf: number
    readonly registry: number
    readonly how: SubmissionReplay['how']
  },
): Body[] {
  const { stub, stubLeaf, registry, how } = place
  const { producer, id, rows, item, reason, digest, received_at } = stub
  const { form, payload_type, algorithm, signature, key_id } = signed
  const replay = { producer, id, rows, item, stub_leaf: stubLeaf, registry, how, reason }
  const common = { producer, registry, key_id, mark: markOf(replay) }
  const end = { ...common, id: signed.id, form, payload_type, algorithm, signature, rows: texts.length }
  const submission: Submission = { ...end, digest, received_at }
  const payload = payloadOf(texts)
  const attempted = `filling the stub at leaf ${stubLeaf}`
  if (sha256(payload).toHex() !== digest) throw wrong(attempted, `rows of ${id} that lead to another digest`)
  checkFilled(sha256, { replay, stub }, submission, payload, attempted)
  const row = (text: string, n: number): Body => ({ row: { ...common, submission: id, n, text } })
  return [{ submission_replay: replay }, ...texts.map(row), { submission }]
}

/** Rows that come next, and the stub in whose place: undefined where that was left out. */
export type AnnouncedSubmission = { readonly replay: SubmissionReplay; readonly stub: SubmissionStub | undefined }

/** Throws CHAIN_BROKEN unless the submission is the one that was announced, and its bytes those that were quarantined. */
export function checkFilled(
  sha256: Sha256,
  { replay, stub }: AnnouncedSubmission,
  submission: Submission,
  payload: Uint8Array,
  attempted: string,
): void {
  const { producer, id, rows, registry, mark, digest, received_at } = submission
  const isAnnounced =
    producer === replay.producer &&
    id === replay.id &&
    rows === replay.rows &&
    registry === replay.registry &&
    mark === markOf(replay)
  const isOfStub = stub === undefined || (digest === stub.digest && received_at === stub.received_at)
  if (!isAnnounced || !isOfStub) throw wrong(attempted, `a submission ${id} that is not the one announced`)
  if (sha256(keptSubmission({ ...submission, payload })).toHex() !== replay.item)
    throw wrong(attempted, `a submission ${id} of other bytes than those that were quarantined`)
}

/** What its rows are marked with: what was verified with nothing. */
const markOf = ({ how, reason }: SubmissionReplay) => (how === 'verified' ? null : reason)

/** The stubs of submissions that nothing has filled yet, as whoever reads a ledger from its beginning knows them. */
export function createOpenSubmissions() {
  const open = new Map<number, SubmissionStub>()
  /** Leaves before this one may have been left out. */
  let seenFrom = 0
  return {
    add: (leaf: number, stub: SubmissionStub) => {
      open.set(leaf, stub)
    },
    skip: (leaf: number) => {
      seenFrom = leaf
    },
    /** Throws CHAIN_BROKEN unless the stub stands there, is the same, and was not filled before. */
    fill: (replay: SubmissionReplay, attempted: string): AnnouncedSubmission => {
      const { stub_leaf, producer, id, rows, item, reason } = replay
      const stub = open.get(stub_leaf)
      open.delete(stub_leaf)
      const isSame =
        stub?.producer === producer &&
        stub.id === id &&
        stub.rows === rows &&
        stub.item === item &&
        stub.reason === reason
      if (!isSame && (stub !== undefined || stub_leaf >= seenFrom))
        throw wrong(attempted, `a replay of the submission ${id}, for which no open stub stands at leaf ${stub_leaf}`)
      return { replay, stub }
    },
  }
}

const wrong = (attempted: string, received: string) => chainError('CHAIN_BROKEN', { attempted, received })
