// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from '@sealwatch/base'

export const signoffsErrors = {
  SIGNOFF_INVALID: {
    kind: 'invalid',
    rule: 'a sign-off has a name like memory.layer.signoff, the digest of a checklist or its text, and a commit or a pull request',
    advice: '`sealwatch signoff --help` shows an example',
  },
  SIGNOFF_CHECKLIST: {
    kind: 'invalid',
    rule: 'the text of a checklist stands in the ledger for ever: no secrets are in it, and no control characters',
    advice: 'Take out what looks like a secret, or hand in the digest alone: --digest-only',
  },
  SIGNOFF_APPROVER: {
    kind: 'invalid',
    rule: 'the final approver is whoever acts; the operator names a person who is known and not disabled',
    advice:
      '`sealwatch person list` shows who has signed in: --approver usr_…. Who cannot signs off with a token of their own: `sealwatch token create NAME --may signoff:write,signoff:read` (docs/sign-off.md)',
  },
  SIGNOFF_UNKNOWN: {
    kind: 'not_found',
    rule: 'the sign-off is one of this tenant',
    advice: '`sealwatch signoff list` shows them',
  },
  SIGNOFFS_TOO_MANY: {
    kind: 'exhausted',
    rule: 'a tenant has at most 10,000 sign-offs',
    advice: 'Begin another tenant; what was signed stays in the ledger',
  },
} as const satisfies ErrorTable
export const signoffsError = errorsOf(signoffsErrors)

/** `textBytes`: what is longer stands in the ledger by its digest alone. */
export const signoffLimits = { textBytes: 4096, perTenant: 10_000, listed: 500 } as const
