// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from '@sealwatch/base'

export const carriageErrors = {
  CARRIAGE_MALFORMED: {
    kind: 'invalid',
    rule: 'guard and agent say to each other what carriage/messages.ts has, no longer than it allows',
    advice: 'Let both be of one version; where they are, look who sits at the other end of agent.sock',
  },
  CARRIAGE_AWAY: {
    kind: 'unavailable',
    rule: 'the guard reads its chains for the agent, and the agent asks again when it is back',
    advice: 'Nothing is lost: what the guard has sealed waits on its disk. Look at its log',
  },
} as const satisfies ErrorTable
export const carriageError = errorsOf(carriageErrors)
