// SPDX-License-Identifier: Apache-2.0

import { decodeBase64, errorsOf } from '@sealwatch/base'
import { type Checkpoint, parseForeignCheckpoint } from '../verify/checkpoint.ts'
import type { Hash } from '../verify/merkle.ts'
import { parseNote } from '../verify/note.ts'
import { proofHashesMax } from '../verify/split-view.ts'
import { witnessErrors } from './errors.ts'

const witnessError = errorsOf(witnessErrors)

/** What a log asks of a witness: to cosign a checkpoint that extends the tree of `oldSize` (C2SP tlog-witness). */
export type Submission = {
  readonly oldSize: number
  readonly proof: readonly Hash[]
  readonly note: string
}
/** A submission whose note has the form of a checkpoint. No signature has been looked at. */
export type ReadSubmission = Submission & { readonly checkpoint: Checkpoint }

/** With up to 64 signatures; the text itself is kept by the witness and has a limit of its own. */
export const submissionBytesMax = 192 * 1024
export const checkpointCharsMax = 4096

export function formatSubmission({ oldSize, proof, note }: Submission): string {
  return `old ${oldSize}\n${proof.map((hash) => `${hash.toBase64()}\n`).join('')}\n${note}`
}

/** Throws WITNESS_REQUEST or NOTE_MALFORMED. */
export function parseSubmission(body: Uint8Array): ReadSubmission {
  const attempted = 'reading an add-checkpoint request'
  const wrong = (received: string) => witnessError('WITNESS_REQUEST', { attempted, received })
  if (body.length > submissionBytesMax) throw wrong(`${body.length} bytes, more than ${submissionBytesMax}`)
  const text = textOf(body)
  if (text === undefined) throw wrong('bytes that are not UTF-8')
  const split = text.indexOf('\n\n')
  if (split < 0) throw wrong('no empty line')
  const [first = '', ...lines] = text.slice(0, split).split('\n')
  const size = /^old (0|[1-9]\d{0,15})$/.exec(first)?.[1]
  const oldSize = Number(size)
  if (size === undefined || !Number.isSafeInteger(oldSize)) throw wrong(first)
  if (lines.length > proofHashesMax) throw wrong(`${lines.length} hashes, more than ${proofHashesMax}`)
  const proof = lines.map((line) => {
    const hash = decodeBase64(line)
    if (hash?.length !== 32) throw wrong(line)
    return hash
  })
  const note = text.slice(split + 2)
  const { text: checkpoint } = parseNote(note, attempted)
  if (checkpoint.length > checkpointCharsMax) throw wrong(`a checkpoint of ${checkpoint.length} characters`)
  return { oldSize, proof, note, checkpoint: parseForeignCheckpoint(checkpoint, attempted) }
}

function textOf(body: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body)
  } catch {
    return undefined
  }
}
