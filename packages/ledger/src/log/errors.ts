// SPDX-License-Identifier: Apache-2.0

import type { ErrorTable } from '@sealwatch/base'

export const ledgerErrors = {
  LEDGER_BEHIND: {
    kind: 'fatal',
    rule: 'a ledger still holds, unaltered, everything that was acknowledged and signed',
    advice:
      'The files were cut, altered or restored from an older copy. Do not delete them: `sealwatch audit fsck` says what is missing, docs/runbooks/ledger-behind.md what to do',
  },
  LEDGER_ALTERED: {
    kind: 'unverified',
    rule: 'every line has the hash that its tree was built from (tiles.md)',
    advice:
      '`sealwatch audit fsck` on the stopped server says where it begins; docs/runbooks/ledger-altered.md says what to do',
  },
  LEDGER_FORKED: {
    kind: 'fatal',
    rule: 'one process alone extends a ledger',
    advice: 'Another server works on the same data directory: stop one of the two',
  },
  LEDGER_CLOSED: {
    kind: 'unavailable',
    rule: 'a ledger that was closed takes nothing more',
    advice: 'The server stops, or the tenant is erased: `sealwatch status` says which',
  },
} as const satisfies ErrorTable
