// SPDX-License-Identifier: Apache-2.0

import { rowsOf } from '@sealwatch/contract'
import { type SubmissionReplay, type SubmissionStub, sha256, submissionFill } from '@sealwatch/ledger'
import { judgeKey, type TenantKeys } from '../../trust/index.ts'
import { ingestError } from '../errors.ts'
import { readKept, submissionOf } from '../rows/keep-submission.ts'
import { isSignedBy } from '../rows/verify-rows.ts'
import type { Item } from './item-form.ts'
import type { QuarantineRow } from './judge-item.ts'

/** Rows of a service, which are judged as of their receipt, by what is known of keys now (quarantine.md, 4.4). */
export function openRows(
  keys: Pick<TenantKeys, 'key' | 'version'>,
  { item, received_at, quarantined_at }: QuarantineRow,
  { bytes, beside }: Item,
  { stub, stubLeaf }: { readonly stub: SubmissionStub; readonly stubLeaf: number },
) {
  const submission = readKept(bytes)
  const read = rowsOf(submission.payload)
  if ('fault' in read)
    throw ingestError('QUARANTINE_ALTERED', { attempted: `reading the rows of ${item}`, received: read.fault })
  const key = keys.key(submission.keyId)
  const receivedAt = beside?.receivedAt ?? received_at ?? quarantined_at
  const { algorithm } = submission
  const verify = () => key !== undefined && isSignedBy(key, submission)
  return {
    judge: () => judgeKey(key, { kind: 'service', producer: stub.producer }, { receivedAt, algorithm, verify }),
    /** What enters the ledger. Throws CHAIN_BROKEN unless it is what the stub stands for. */
    fill: (how: SubmissionReplay['how']) =>
      submissionFill(
        sha256,
        { signed: submissionOf(submission), texts: read.rows },
        { stub, stubLeaf, registry: keys.version, how },
      ),
  }
}
