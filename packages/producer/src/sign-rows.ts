// SPDX-License-Identifier: Apache-2.0

import { randomUUID } from 'node:crypto'
import {
  payloadOf,
  rowFault,
  rowsOf,
  type SignedRows,
  type SubmissionForm,
  submissionLimits,
} from '@sealwatch/contract'
import { signedBytes } from '@sealwatch/keys'
import { producerError } from './errors.ts'
import type { RowSigner } from './signer.ts'

export type SignForm = { readonly form: SubmissionForm; readonly payloadType: string }
export const ndjsonForm: SignForm = { form: 'detached', payloadType: 'application/x-ndjson' }

/** One signature over some rows, or over one: a submission with an id of its own. Throws PRODUCER_ROW. */
export async function signRows(
  signer: RowSigner,
  rows: readonly string[],
  { form, payloadType }: SignForm = ndjsonForm,
  signal: AbortSignal = AbortSignal.timeout(signMsMax),
): Promise<SignedRows> {
  const payload = payloadOf(rows)
  const read = rows.length === 0 ? { fault: 'no row' } : rowsOf(payload)
  const message = signedBytes(form, payloadType, payload)
  const isFit = payloadType.length > 0 && payloadType.length <= submissionLimits.payloadTypeMax
  const fault =
    rows.map(rowFault).find((found) => found !== undefined) ??
    ('fault' in read ? read.fault : undefined) ??
    (message.length > signer.messageBytesMax ? `${message.length} bytes for a signer of short messages` : undefined) ??
    (isFit ? undefined : `a payload type of ${payloadType.length} characters`)
  if (fault !== undefined) throw producerError('PRODUCER_ROW', { attempted: 'signing rows', received: fault })
  const signature = await signer.sign(message, signal)
  const { keyId, algorithm } = signer
  return { id: randomUUID(), form, payload, payloadType, keyId, algorithm, signature }
}

const signMsMax = 10_000
