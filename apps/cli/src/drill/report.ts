// SPDX-License-Identifier: Apache-2.0

import type { ReportedSubmission } from '@sealwatch/ledger'

export const rowsIn = (sent: readonly Pick<ReportedSubmission, 'rows'>[]) =>
  sent.reduce((sum, { rows }) => sum + rows, 0)
