// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from '@sealwatch/base'

export const witnessesErrors = {
  WITNESSES_UNUSABLE: {
    kind: 'invalid',
    rule: 'the policy of a server names each witness with its https URL (http on this machine alone), and this log among its logs, if it names any',
    advice: 'Correct the file that SEALWATCH_SERVER_WITNESS_POLICY names',
  },
  WITNESSES_BELOW: {
    kind: 'unavailable',
    rule: 'as many witnesses cosign a root checkpoint as the policy asks for',
    advice: 'Look at the witnesses named; publishing goes on as SEALWATCH_SERVER_BELOW_QUORUM says',
  },
} as const satisfies ErrorTable
export const witnessesError = errorsOf(witnessesErrors)
