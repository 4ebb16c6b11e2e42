// SPDX-License-Identifier: Apache-2.0

import { systemClock as clock, rfc3339 } from '@sealwatch/base'
import type { SignedRows } from '@sealwatch/contract'
import { sha256 } from '@sealwatch/ledger'
import { billing, one, type openRooms, rowOf, signed } from '../../rows/test/open-rows.ts'

type Rooms = Awaited<ReturnType<typeof openRooms>>

/** Rows that are quarantined, and others under their ids that stand in the ledger, as by a server whose index lost the stubs. */
export async function enterOtherwise(it: Rooms, kept: readonly string[], entered: readonly string[]) {
  const sent = kept.map((text) => signed([text]))
  for (const submission of sent) await it.rows.submit(billing, [submission])
  await it.enter(rowOf(one))
  const { registry, size: at } = it.ledger
  for (const [i, text] of entered.entries()) {
    const { id, keyId: key_id, signature } = sent[i] as SignedRows
    const common = { producer: 'billing', key_id, registry, mark: null }
    const end = { ...common, id, form: 'detached', payload_type: 'x', algorithm: 'ed25519', rows: 1 } as const
    const received_at = rfc3339(clock.nowNs())
    const digest = sha256(Buffer.from(text)).toHex()
    const submission = { ...end, signature: signature.toBase64(), digest, received_at }
    await it.ledger.append({ own: [{ row: { ...common, submission: id, n: 0, text } }, { submission }] })
  }
  return { at }
}
