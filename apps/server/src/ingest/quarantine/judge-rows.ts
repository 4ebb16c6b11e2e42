// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { rowsOf } from '@sealwatch/contract'
import { keyFault, type SubmissionReplay, type SubmissionStub, sha256, submissionFill } from '@sealwatch/ledger'
import { judgeKey, type SigningKey, type TenantKeys } from '../../trust/index.ts'
import { ingestError } from '../errors.ts'
import { readKept, submissionOf } from '../rows/keep-submission.ts'
import { isSignedBy } from '../rows/verify-rows.ts'
import type { Item } from './item-form.ts'
import type { QuarantineRow } from './judge-item.ts'

/** Rows of a service, which are judged as of the receipt that their stub says, by what is known of keys now (quarantine.md, 4.4). */
export function openRows(
  keys: Pick<TenantKeys, 'key' | 'version'>,
  { item }: Pick<QuarantineRow, 'item'>,
  { bytes }: Item,
  { stub, stubLeaf }: { readonly stub: SubmissionStub; readonly stubLeaf: number },
) {
  const submission = readKept(bytes)
  const read = rowsOf(submission.payload)
  if ('fault' in read)
    throw ingestError('QUARANTINE_ALTERED', { attempted: `reading the rows of ${item}`, received: read.fault })
  const key = keys.key(submission.keyId)
  // As whoever reads the ledger judges them.
  const { received_at: receivedAt } = stub
  const { algorithm } = submission
  const verify = () => key !== undefined && isSignedBy(key, submission)
  return {
    judge: () => judgeKey(key, { kind: 'service', producer: stub.producer }, { receivedAt, algorithm, verify }),
    /** What enters the ledger. Throws CHAIN_BROKEN unless it is what the stub stands for. */
    fill: (how: SubmissionReplay['how']) => {
      // Otherwise a ledger with these rows would be refused by whoever reads it, for good.
      const isFit = key !== undefined && keyFault(termsOf(key), receivedAt) === undefined
      assert(how !== 'verified' || isFit, 'rows under a key that did not count')
      return submissionFill(
        sha256,
        { signed: submissionOf(submission), texts: read.rows },
        { stub, stubLeaf, registry: keys.version, how },
      )
    },
  }
}

const termsOf = ({ state, validFrom, validUntil, revokedAt, compromisedSince }: SigningKey) => ({
  state,
  valid_from: validFrom,
  valid_until: validUntil,
  revoked_at: revokedAt,
  compromised_since: compromisedSince,
})
