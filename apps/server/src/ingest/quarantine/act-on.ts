// SPDX-License-Identifier: Apache-2.0

import { type Authorised, actBy } from '../../access/index.ts'
import type { QuarantineRow } from './judge-item.ts'

/** What somebody does with an item, as it stands in the ledger. */
export const actOn = (by: Authorised, row: QuarantineRow, code: string, verb: 'read' | 'update', message: string) => ({
  code,
  component: 'ingest',
  tenant: row.tenant,
  by: actBy(by),
  verb,
  severity: 'medium' as const,
  message,
  entity: { type: 'Quarantined Item', uid: row.item },
})
