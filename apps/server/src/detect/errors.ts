// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from '@sealwatch/base'

export const ruleErrors = {
  RULE_FOLDER: {
    kind: 'unavailable',
    rule: 'the server may read a folder of rules with all that is in it: at most 10,000 files, 64 MiB and 8 folders deep',
    advice:
      'Let the user of the server read it; a folder that was not there when the server started is open to it after the next start (docs/rules.md)',
  },
  RULE_FILE: {
    kind: 'invalid',
    rule: 'a rule stands in a regular file of at most 1 MiB that the server may read',
    advice: 'Let the user of the server read it, or split it',
  },
  RULE_UNKNOWN: {
    kind: 'not_found',
    rule: 'a rule of that id is in force',
    advice: 'See `sealwatch rules list`: it names those that are left out, too, and why',
  },
} as const satisfies ErrorTable
export const ruleError = errorsOf(ruleErrors)
