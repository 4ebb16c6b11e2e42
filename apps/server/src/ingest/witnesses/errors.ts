// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from '@sealwatch/base'

export const witnessesErrors = {
  WITNESSES_UNUSABLE: {
    kind: 'invalid',
    rule: 'the policy of a server names each witness with its https or http URL, and this log among its logs, if it names any',
    advice: 'Correct the file that SEALWATCH_SERVER_WITNESS_POLICY names',
  },
} as const satisfies ErrorTable
export const witnessesError = errorsOf(witnessesErrors)
