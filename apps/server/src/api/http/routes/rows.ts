// SPDX-License-Identifier: Apache-2.0

import { decodeBase64 } from '@sealwatch/base'
import { type SignedRows, type SubmissionOutcome, submissionForms, submissionLimits } from '@sealwatch/contract'
import { z } from 'zod'
import { checkRequest, type RowIngest, senderOfRows, serviceOf, submissionsInvalid } from '../../../ingest/index.ts'
import { type Reason, reasons } from '../../../trust/index.ts'
import { type Route, route } from '../route.ts'

export type RowPorts = Pick<RowIngest, 'begin' | 'submit'>

const bodyBytesMax = 7 * 1024 * 1024
const { requestSubmissionsMax, payloadBytesMax, idMax, payloadTypeMax } = submissionLimits
const base64 = (bytes: number) => z.string().max(4 * Math.ceil(bytes / 3))

const submission = z.strictObject({
  id: z.string().max(idMax).describe('Chosen once, for these bytes'),
  form: z.enum(submissionForms),
  payload: base64(payloadBytesMax).describe('Base64: one row, or several, each with its newline'),
  payload_type: z.string().max(payloadTypeMax),
  key_id: z.string().max(idMax),
  algorithm: z.string().max(32),
  signature: base64(submissionLimits.signatureBytesMax).describe('Base64'),
})

const outcome = z.discriminatedUnion('outcome', [
  z.object({
    outcome: z.literal('admitted'),
    leaf_index: z.number().int(),
    mark: z
      .enum(reasons)
      .optional()
      .describe('Why it failed verification, as strict signatures are off; without: it did not'),
  }),
  z.object({ outcome: z.literal('duplicate'), leaf_index: z.number().int() }),
  z.object({ outcome: z.literal('quarantined'), reason: z.string(), item: z.string() }),
  z.object({
    outcome: z.literal('refused'),
    code: z.string(),
    detail: z.string(),
    retry_after: z.number().int().optional().describe('Seconds; without: it will never be taken'),
  }),
])

/** What services send that sign rows of their own (docs/formats/submission.md, 4.1). */
export const rowRoutes = (rows: RowPorts): Route[] => [
  route({
    method: 'POST',
    path: '/api/v1/ingest/submissions',
    id: 'submitRows',
    summary: 'Send signed rows of a service',
    tag: 'ingest',
    action: 'rows:write',
    body: z.strictObject({ submissions: z.array(submission).min(1).max(requestSubmissionsMax) }),
    bodyMax: { bytes: bodyBytesMax, values: 10 * requestSubmissionsMax },
    begin: (by, { bytes, close, onGone }) => rows.begin(serviceOf(by), bytes, { onDeaf: close, onGone }),
    answer: z.object({ outcomes: z.array(outcome).describe('One for each, in their order') }),
    errors: ['SERVICE_UNNAMED', 'SUBMISSIONS_INVALID', 'ROWS_LIMITED', 'TENANT_SUSPENDED'],
    handle: async (by, { body, request }) => {
      const paid = Number(request.headers['content-length'] ?? bodyBytesMax)
      const outcomes = await rows.submit(
        serviceOf(by),
        rowsIn(body.submissions),
        senderOfRows(by, request.address),
        paid,
      )
      return { outcomes: outcomes.map(outcomeJson) }
    },
  }),
]

function rowsIn(given: readonly z.output<typeof submission>[]): readonly SignedRows[] {
  return checkRequest(
    given.map(({ payload, payload_type, key_id, signature, ...rest }) => ({
      ...rest,
      payload: bytesOf(payload),
      payloadType: payload_type,
      keyId: key_id,
      signature: bytesOf(signature),
    })),
  )
}

function bytesOf(text: string): Uint8Array {
  const bytes = decodeBase64(text)
  if (bytes === undefined) throw submissionsInvalid('a payload or a signature that is not base64')
  return bytes
}

function outcomeJson(one: SubmissionOutcome): z.input<typeof outcome> {
  switch (one.kind) {
    case 'quarantined':
      return { outcome: one.kind, reason: one.reason, item: one.item }
    case 'refused': {
      const { code, detail, retryAfter } = one
      return { outcome: one.kind, code, detail, ...(retryAfter !== undefined && { retry_after: retryAfter }) }
    }
    case 'admitted': {
      const { mark } = one
      return { outcome: one.kind, leaf_index: one.leafIndex, ...(mark !== undefined && { mark: mark as Reason }) }
    }
    case 'duplicate':
      return { outcome: one.kind, leaf_index: one.leafIndex }
  }
}
