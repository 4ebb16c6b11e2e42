// SPDX-License-Identifier: Apache-2.0

import type { ErrorTable } from '@sealwatch/base/errors'

export const drillErrors = {
  DRILL_MALFORMED: {
    kind: 'invalid',
    rule: 'a drill report is the report, and the envelope of the statement that names its digest, each of the form that is due (drill-report.md, 1 and 2)',
    advice: 'Take the file from its source again, byte for byte',
  },
  DRILL_UNVERIFIED: {
    kind: 'unverified',
    rule: 'a key that is trusted has signed the statement, and the report is the one it names (drill-report.md, 3)',
    advice: 'Check that the trusted key is that of the deployment; a report that stays unverified was altered',
  },
} as const satisfies ErrorTable
