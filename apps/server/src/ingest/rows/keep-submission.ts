// SPDX-License-Identifier: Apache-2.0

import { canonicalize } from '@sealwatch/base'
import type { SignedRows } from '@sealwatch/contract'
import { sha256 } from '@sealwatch/ledger'

/** The bytes of a submission as quarantine keeps them (submission.md, 7.2): all that it takes to judge it again. */
export const keptBytesOf = ({ id, form, payload, payloadType, keyId, algorithm, signature }: SignedRows): Uint8Array =>
  Buffer.from(
    canonicalize({
      id,
      form,
      payload: payload.toBase64(),
      payload_type: payloadType,
      key_id: keyId,
      algorithm,
      signature: signature.toBase64(),
    }),
  )

/** Where a submission stands among the quarantined, as a batch stands in its chain: no host has a chain of that name. */
export function quarantinePlaceOf(producer: string, { id, rows }: { readonly id: string; readonly rows: number }) {
  const chain = sha256(Buffer.from(`submission\n${producer}\n${id}`))
    .toHex()
    .slice(0, 32)
  return { hostId: `service:${producer}`, chain, firstSeq: 0, nextSeq: rows }
}
