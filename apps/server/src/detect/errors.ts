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
  EXCEPTION_UNKNOWN: {
    kind: 'not_found',
    rule: 'the tenant has such an exception, which is not over',
    advice: 'List them: sealwatch rules except list',
  },
  EXCEPTION_INVALID: {
    kind: 'invalid',
    rule: 'an exception is about what there is: of events a rule or a tag, with a selection of Sigma on fields that these rules have; of requests a detector, a rule of it that is loaded, and a route. It ends within 90 days',
    advice: 'See the fields of the rule: sealwatch rules explain ID',
  },
  EXCEPTIONS_TOO_MANY: {
    kind: 'exhausted',
    rule: 'a tenant has at most 200 exceptions that are not over',
    advice: 'Remove some that nobody needs: sealwatch rules except list',
  },
  THREAT_UNKNOWN: {
    kind: 'not_found',
    rule: "an alert of a request stands in that line of the tenant's ledger",
    advice: 'See the line of each: sealwatch alerts --json, or `ledger` in the answer of analyze',
  },
  REQUEST_SETTINGS_CHANGED: {
    kind: 'conflict',
    rule: 'how requests are judged is changed by one at a time',
    advice: 'Look at how they are judged now, and change that: sealwatch detect settings',
  },
  REQUESTS_LIMITED: {
    kind: 'exhausted',
    rule: 'for one tenant services may ask 1,000 times a second, about 4 MiB of bodies and 128 requests at once; proxies 2,000 times, about 256 at once',
    advice: 'Judge within the service, which has no such bound (docs/middleware.md)',
  },
  RULE_UNKNOWN: {
    kind: 'not_found',
    rule: 'a rule of that id is in force',
    advice: 'See `sealwatch rules list`: it names those that are left out, too, and why',
  },
} as const satisfies ErrorTable
export const ruleError = errorsOf(ruleErrors)
