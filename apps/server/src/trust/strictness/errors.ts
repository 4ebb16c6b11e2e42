// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from '@sealwatch/base'
import { isStrictOffAcknowledgement, strictOffPhrase } from '@sealwatch/contract'

export const strictErrors = {
  STRICT_ACKNOWLEDGEMENT: {
    kind: 'invalid',
    rule: `who switches strict signatures off says so in these words: ${strictOffPhrase}`,
    advice: `Read docs/strict-signatures.md, then repeat it with --acknowledge '${strictOffPhrase}'`,
  },
  STRICT_OFF_SPENT: {
    kind: 'conflict',
    rule: 'strict signatures of a tenant are off for at most 24 hours of any 7 days, all in all, unless a manifest says so',
    advice:
      'Ask for less, or have enough people sign for it: `sealwatch manifest create strict-off --tenant TENANT --hours 48`',
  },
  STRICT_UNACKNOWLEDGED: {
    kind: 'fatal',
    rule: 'STRICT_SIGNATURES=false takes in what nobody has verified: somebody takes that upon themselves',
    advice: `Set STRICT_SIGNATURES_ACKNOWLEDGEMENT='${strictOffPhrase}, DATE', or leave STRICT_SIGNATURES out. It lasts for 24 hours; another one begins anew`,
  },
} as const satisfies ErrorTable
export const strictError = errorsOf(strictErrors)

/** What admits what it could not verify does not start by a slip of the pen. */
export function checkStrictness(config: {
  readonly strictSignatures: string
  readonly strictSignaturesAcknowledgement: string
}): void {
  const { strictSignatures, strictSignaturesAcknowledgement: said } = config
  if (strictSignatures === 'true' || isStrictOffAcknowledgement(said)) return
  const received = said === '' ? 'no acknowledgement' : 'another acknowledgement'
  throw strictError('STRICT_UNACKNOWLEDGED', { attempted: 'starting the server', received })
}
