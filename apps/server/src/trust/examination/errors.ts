// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from '@sealwatch/base'

export const examinationErrors = {
  KEY_REPORT_UNKNOWN: {
    kind: 'not_found',
    rule: 'a report of the key was made in this tenant',
    advice: '`sealwatch compromise KEY` makes one',
  },
  KEY_EXAMINATION_UNDER_WAY: {
    kind: 'conflict',
    rule: 'at most two examinations of a tenant are under way at once, sixteen in all, and one of a key',
    advice: 'Wait until one of them is done: `sealwatch compromise show KEY`',
  },
  KEY_REPORTS_TOO_MANY: {
    kind: 'exhausted',
    rule: 'a tenant has at most 1,000 reports of keys',
    advice: 'Read the last one of the key: `sealwatch compromise show KEY`',
  },
} as const satisfies ErrorTable
export const examinationError = errorsOf(examinationErrors)

export const examinationLimits = { atOnce: 16, atOnceOfTenant: 2, perTenant: 1_000, leavesAtOnce: 256 } as const
