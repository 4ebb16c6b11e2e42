// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from '@sealwatch/base'

export const guardErrors = {
  GUARD_UNPINNED: {
    kind: 'unavailable',
    rule: 'a guard takes what the CA signed whose fingerprint root was told (joined.json or trust.json)',
    advice: 'Wait until the first start of this machine is over; under the units see docs/privileges.md',
  },
  GUARD_HANDLESS: {
    kind: 'denied',
    rule: 'a standing order is for the hands of a machine that has some',
    advice: 'Start them, and tell the guard where they listen (SEALWATCH_GUARD_HANDS_SOCKET)',
  },
  GUARD_CONFIG_FOREIGN: {
    kind: 'denied',
    rule: 'a guard is told by the server of its host, for that host and its tenant',
    advice:
      'If this machine was enrolled anew, remove configuration.json from the folder of the guard, and start it again',
  },
  GUARD_CONFIG_REPLAYED: {
    kind: 'conflict',
    rule: 'each configuration that a guard takes has a greater version than all before it',
    advice: 'Nothing, where the agent went back for want of a word of the server; otherwise look who sends older ones',
  },
} as const satisfies ErrorTable
export const guardError = errorsOf(guardErrors)
