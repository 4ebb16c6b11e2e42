// SPDX-License-Identifier: Apache-2.0

import { decodeBase64 } from '@sealwatch/base/base64'
import { errorsOf } from '@sealwatch/base/errors'
import { payloadOf, submissionLimits } from '@sealwatch/contract/submission'
import { signedBytes } from '@sealwatch/keys/dsse'
import { chainErrors } from './chain-errors.ts'
import type { Line, RegistryChange, Row, Submission } from './line.ts'
import type { Sha256 } from './merkle.ts'
import type { VerifyEd25519 } from './note.ts'
import { type AnnouncedSubmission, checkFilled } from './submission-fill.ts'

const chainError = errorsOf(chainErrors)

/** Puts the rows of each submission together again, and hands them on with the line that ends them. */
export type SubmissionWalk = {
  /** Rows whose submission has not come yet, and what was announced and has not. */
  readonly open: number
  /** These rows, and nothing else, come next. */
  announce(announced: AnnouncedSubmission): void
  /** Throws CHAIN_BROKEN unless rows and submission belong together. `judge`: asked of whole ones. */
  take(line: Line, attempted: string): void
  /** Events, which stand between submissions only. */
  passBy(attempted: string): void
  /** Leaves were left out; returns how many rows were waiting for their submission. */
  skip(): number
}

export function createSubmissionWalk(
  sha256: Sha256,
  judge: (submission: Submission, payload: Uint8Array, attempted: string, isReplayed: boolean) => void,
): SubmissionWalk {
  let rows: Row[] = []
  let chars = 0
  // Behind a gap a submission may end whose rows were left out.
  let mayJoin = false
  let announced: AnnouncedSubmission | undefined

  function takeRow(row: Row, attempted: string): void {
    const first = rows[0]
    const isJoined = first === undefined && mayJoin
    const isNext =
      (row.n === rows.length || isJoined) &&
      (first === undefined || (row.submission === first.submission && row.producer === first.producer))
    if (!isNext) throw wrong(attempted, `row ${row.n} of the submission ${row.submission}`)
    if (isJoined && row.n > 0) return
    mayJoin = false
    rows.push(row)
    chars += row.text.length
    if (rows.length > submissionLimits.rowsMax || chars > submissionLimits.payloadBytesMax)
      throw wrong(attempted, `a submission of more than ${rows.length - 1} rows or ${chars - 1} characters`)
  }

  function takeSubmission(submission: Submission, attempted: string): void {
    const { id, producer } = submission
    const isWhole =
      rows.length === submission.rows &&
      rows.every(
        (row) =>
          row.submission === id &&
          row.producer === producer &&
          row.key_id === submission.key_id &&
          row.registry === submission.registry &&
          row.mark === submission.mark,
      )
    if (!isWhole && !(mayJoin && rows.length === 0))
      throw wrong(attempted, `${rows.length} rows before the submission ${id} of ${submission.rows}`)
    if (isWhole) {
      const payload = payloadOf(rows.map(({ text }) => text))
      if (sha256(payload).toHex() !== submission.digest)
        throw wrong(attempted, `rows of the submission ${id} that lead to another digest`)
      if (announced !== undefined) checkFilled(sha256, announced, submission, payload, attempted)
      judge(submission, payload, attempted, announced !== undefined)
    }
    rows = []
    chars = 0
    mayJoin = false
    announced = undefined
  }

  function passBy(attempted: string): void {
    if (rows.length > 0 || announced !== undefined)
      throw wrong(attempted, 'something else between the rows of a submission')
    mayJoin = false
  }

  return {
    get open() {
      return announced === undefined ? rows.length : announced.replay.rows + 1
    },
    announce(next) {
      announced = next
    },
    take(line, attempted) {
      if ('row' in line) takeRow(line.row, attempted)
      else if ('submission' in line) takeSubmission(line.submission, attempted)
      else passBy(attempted)
    },
    passBy,
    skip() {
      const waiting = rows.length
      rows = []
      chars = 0
      mayJoin = true
      announced = undefined
      return waiting
    },
  }
}

const wrong = (attempted: string, received: string) => chainError('CHAIN_BROKEN', { attempted, received })

export type VerifyRsa = (spki: Uint8Array, message: Uint8Array, signature: Uint8Array) => boolean

/** Whether the key signed the payload, by the algorithm that both name; undefined: nobody here can tell. */
export function isSignedBy(
  { algorithm, public_key }: RegistryChange,
  { algorithm: named, form, payload_type, signature }: Submission,
  payload: Uint8Array,
  { verify, verifyRsa }: { readonly verify: VerifyEd25519; readonly verifyRsa?: VerifyRsa | undefined },
): boolean | undefined {
  if (algorithm !== named) return false
  const check = algorithm === 'ed25519' ? verify : verifyRsa
  const message = signedBytes(form, payload_type, payload)
  return check?.(Uint8Array.fromHex(public_key), message, decodeBase64(signature) ?? new Uint8Array(0))
}
