// SPDX-License-Identifier: Apache-2.0

import type { ErrorTable } from '@sealwatch/base'

export const ledgerErrors = {
  LEDGER_BEHIND: {
    kind: 'fatal',
    rule: 'a ledger still holds, unaltered, everything that was acknowledged and signed',
    advice:
      'The files were cut, altered or restored from an older copy. Do not delete them: restore the newer copy, or keep both as evidence',
  },
  LEDGER_FORKED: {
    kind: 'fatal',
    rule: 'one process alone extends a ledger',
    advice: 'Another server works on the same data directory: stop one of the two',
  },
} as const satisfies ErrorTable
