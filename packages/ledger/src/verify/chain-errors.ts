// SPDX-License-Identifier: Apache-2.0

import type { ErrorTable } from '@sealwatch/base/errors'

export const chainErrors = {
  CHAIN_BROKEN: {
    kind: 'unverified',
    rule: 'each line names the hash of the line before it in its chain, and numbers run without gaps (chain.md, 2)',
    advice: 'A line was changed, removed, added or moved: compare with another copy',
  },
  HEAD_UNVERIFIED: {
    kind: 'unverified',
    rule: 'a head is signed by its producer over its place and everything before it (batch-head.md, 3)',
    advice: 'Compare the key with the one the host enrolled with',
  },
  SUBMISSION_UNVERIFIED: {
    kind: 'unverified',
    rule: 'rows are signed by the key that the registry gave their service (submission.md, 6.2)',
    advice: 'Whoever wrote the ledger admitted what its service did not sign: ask the operator, and keep a copy',
  },
} as const satisfies ErrorTable
