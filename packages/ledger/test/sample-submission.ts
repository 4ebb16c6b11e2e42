// SPDX-License-Identifier: Apache-2.0

import { payloadOf } from '@sealwatch/contract'
import { sha256 } from '../src/sha256.ts'
import type { Body, Row, Submission } from '../src/verify/index.ts'

export type SampleSubmission = {
  readonly rows: readonly Row[]
  readonly submission: Submission
  readonly payload: Uint8Array
  /** As they stand in a ledger. */
  readonly bodies: readonly Body[]
}

/** Rows of a service, and the line behind them; `sign` gets the payload. */
export function sampleSubmission(
  texts: readonly string[],
  sign: (payload: Uint8Array) => Uint8Array = () => new Uint8Array(64),
  but: Partial<Submission> = {},
): SampleSubmission {
  const payload = payloadOf(texts)
  const submission: Submission = {
    producer: 'billing',
    id: 'sub-1',
    form: 'detached',
    payload_type: 'application/x-ndjson',
    algorithm: 'ed25519',
    key_id: 'billing-1',
    signature: sign(payload).toBase64(),
    rows: texts.length,
    digest: sha256(payload).toHex(),
    registry: 1,
    received_at: '2026-11-21T12:00:00.000000000Z',
    mark: null,
    ...but,
  }
  const { producer, id, key_id, registry, mark } = submission
  const rows = texts.map((text, n) => ({ producer, submission: id, n, text, key_id, registry, mark }))
  return { rows, submission, payload, bodies: [...rows.map((row) => ({ row })), { submission }] }
}
