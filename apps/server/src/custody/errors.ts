// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from '@sealwatch/base'

export const custodyErrors = {
  ERASE_CLUSTER: {
    kind: 'denied',
    rule: 'the keys of the tenant cluster are not erased: its ledger orders all other erasures',
    advice: 'Erase single persons in it: ./sealwatch erase subject --tenant cluster',
  },
  ERASE_NOT_DONE: {
    kind: 'fatal',
    rule: 'an order to erase that the ledger holds is carried out by the server that reads it',
    advice:
      'The order is recorded and the keys are still there. Keep a copy of the data directory, run `sealwatch audit fsck` on the stopped server, and erase again',
  },
} as const satisfies ErrorTable
export const custodyError = errorsOf(custodyErrors)
