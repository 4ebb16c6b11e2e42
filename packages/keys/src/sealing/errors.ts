// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from '@sealwatch/base'

export const sealingErrors = {
  SEALED_UNREADABLE: {
    kind: 'unverified',
    rule: 'a sealed value opens only whole, under its own key and in its own place (sealing.md, 4)',
    advice: 'The value was altered, moved, or its key is gone; the ledger still verifies without it',
  },
  KEYS_UNAVAILABLE: {
    kind: 'unavailable',
    rule: 'the master key that wraps the tenant keys can be reached',
    advice: 'Look at the KMS, its key policy and the network; nothing is lost meanwhile, and work resumes by itself',
  },
  KEYS_ERASED: {
    kind: 'conflict',
    rule: 'the keys of the tenant have not been erased',
    advice: 'What was sealed under them cannot be read again; the ledger still verifies without it',
  },
  KEYS_DAMAGED: {
    kind: 'fatal',
    rule: 'keys.sqlite and the master keys that it names belong together',
    advice: 'Restore keys/ from one backup, keys.sqlite and master-*.key together; nothing was overwritten',
  },
  KEYS_EXPOSED: {
    kind: 'fatal',
    rule: 'a master key file can be read by its owner alone',
    advice: 'chmod 0600 the file, then rotate: ./sealwatch keys rotate',
  },
  KEYS_SUBJECTS_FULL: {
    kind: 'exhausted',
    rule: 'a tenant has at most 1,000,000 keys of persons',
    advice: 'Find the host that invents user names and revoke it',
  },
} as const satisfies ErrorTable
export const sealingError = errorsOf(sealingErrors)
