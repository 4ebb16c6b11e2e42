// SPDX-License-Identifier: Apache-2.0

import type { SignedRows } from '@sealwatch/contract'
import { keptSubmission, type SignedSubmission, sha256 } from '@sealwatch/ledger'

/** As it stands in quarantine and in a ledger; its algorithm was looked at when it came. */
export const submissionOf = ({ payloadType, keyId, signature, algorithm, ...rest }: SignedRows): SignedSubmission => ({
  ...rest,
  payload_type: payloadType,
  key_id: keyId,
  algorithm: algorithm as SignedSubmission['algorithm'],
  signature: signature.toBase64(),
})

/** The bytes of a submission as quarantine keeps them (submission.md, 7.2). */
export const keptBytesOf = (submission: SignedRows): Uint8Array => keptSubmission(submissionOf(submission))

/** The submission whose bytes were kept. */
export function readKept(kept: Uint8Array): SignedRows {
  const { payload, payload_type, key_id, signature, ...rest } = JSON.parse(
    Buffer.from(kept).toString(),
  ) as SignedSubmission & { readonly payload: string }
  return {
    ...rest,
    payload: new Uint8Array(Buffer.from(payload as string, 'base64')),
    payloadType: payload_type,
    keyId: key_id,
    signature: new Uint8Array(Buffer.from(signature, 'base64')),
  }
}

/** Where a submission stands among the quarantined, as a batch stands in its chain: no host has a chain of that name. */
export function quarantinePlaceOf(producer: string, { id, rows }: { readonly id: string; readonly rows: number }) {
  const chain = sha256(Buffer.from(`submission\n${producer}\n${id}`))
    .toHex()
    .slice(0, 32)
  return { hostId: `service:${producer}`, chain, firstSeq: 0, nextSeq: rows }
}
