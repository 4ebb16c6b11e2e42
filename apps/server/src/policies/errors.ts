// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from '@sealwatch/base'

export const policyErrors = {
  POLICY_INVALID: {
    kind: 'invalid',
    rule: 'a policy is what docs/formats/policy.md says, without an error',
    advice: 'Correct what `validation` names; `sealwatch policy validate FILE` shows the same before anything is sent',
  },
  POLICY_UNKNOWN: {
    kind: 'not_found',
    rule: 'the tenant has a policy of that id, and of a version that is kept',
    advice: 'See `sealwatch policy list` and `sealwatch policy history ID`',
  },
  POLICY_CHANGED_MEANWHILE: {
    kind: 'conflict',
    rule: 'a change is made to the version that it was made from (If-Match)',
    advice: 'Read the policy again, look at what changed, and make the change to that',
  },
  POLICY_NAME_TAKEN: {
    kind: 'conflict',
    rule: 'no two policies of a tenant have names that look alike',
    advice: 'Choose another name',
  },
  POLICIES_TOO_MANY: {
    kind: 'exhausted',
    rule: 'a tenant has at most 500 policies, and has ever had at most 10,000 ids of such',
    advice: 'Delete policies that nobody needs, and use their ids again',
  },
  POLICIES_TOO_FAST: {
    kind: 'exhausted',
    rule: 'a tenant has ten policies a second looked at, fifty at once; a large one counts as up to 32',
    advice: 'Wait a second, and send it again',
  },
  POLICY_CHECKS_BUSY: {
    kind: 'exhausted',
    rule: 'of a tenant one large policy is checked while one waits, and 16 wait in all',
    advice: 'Send it again as soon as Retry-After says',
  },
  POLICY_CHECK_TOO_LONG: {
    kind: 'invalid',
    rule: 'a policy can be checked within 5 seconds',
    advice: 'Split the policy, or let fewer rules name the same lists',
  },
  POLICY_CHECK_FAILED: {
    kind: 'unavailable',
    rule: 'the thread that checks policies answers',
    advice: 'Send it again; where it fails again, the log of the server says why',
  },
  POLICY_TRIES_TOO_MANY: {
    kind: 'exhausted',
    rule: 'a tenant tries one policy at a time',
    advice: 'Wait for the one that runs, or end it',
  },
} as const satisfies ErrorTable
export const policyError = errorsOf(policyErrors)

export const policyLimitsOfTenant = {
  policiesMax: 500,
  /** Deleted ones included: their last version is kept, so that numbers go on where an id is used again. */
  idsMax: 10_000,
  versionsMax: 200,
  /** Of all versions that are kept: beyond it the oldest that is not the newest of its policy goes. */
  documentBytesMax: 64 * 1024 * 1024,
} as const
