// SPDX-License-Identifier: Apache-2.0

import type { MessageInitShape } from '@bufbuild/protobuf'
import {
  Form,
  type SignedRows,
  type SubmissionForm,
  type SubmissionOutcome,
  type SubmitOutcomeSchema,
  type SubmitRequest,
} from '@sealwatch/contract'

const forms: Readonly<Partial<Record<Form, SubmissionForm>>> = { [Form.DETACHED]: 'detached', [Form.DSSE]: 'dsse' }

/** One that names no form has none of ours: it is refused as such (verify-rows.ts). */
export const rowsIn = ({ submissions }: SubmitRequest): SignedRows[] =>
  submissions.map(({ id, form, payload, payloadType, keyId, algorithm, signature }) => ({
    id,
    form: forms[form] ?? ('' as SubmissionForm),
    payload,
    payloadType,
    keyId,
    algorithm,
    signature,
  }))

export function outcomeMessage(one: SubmissionOutcome): MessageInitShape<typeof SubmitOutcomeSchema> {
  switch (one.kind) {
    case 'quarantined':
      return { outcome: { case: one.kind, value: { reason: one.reason, item: one.item } } }
    case 'refused': {
      const { code, detail, retryAfter } = one
      return { outcome: { case: one.kind, value: { code, detail, ...(retryAfter !== undefined && { retryAfter }) } } }
    }
    case 'admitted': {
      const { leafIndex, mark } = one
      return {
        outcome: { case: one.kind, value: { leafIndex: BigInt(leafIndex), ...(mark !== undefined && { mark }) } },
      }
    }
    case 'duplicate':
      return { outcome: { case: one.kind, value: { leafIndex: BigInt(one.leafIndex) } } }
  }
}
