// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from '@sealwatch/base'

export const custodyErrors = {
  ERASE_CLUSTER: {
    kind: 'denied',
    rule: 'the keys of the tenant cluster are not erased: its ledger orders all other erasures',
    advice: 'Erase single persons in it: ./sealwatch erase subject --tenant cluster',
  },
} as const satisfies ErrorTable
export const custodyError = errorsOf(custodyErrors)
