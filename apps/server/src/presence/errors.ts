// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from '@sealwatch/base'

export const presenceErrors = {
  HEARTBEAT_FOREIGN: {
    kind: 'unverified',
    rule: "a heartbeat is signed by the host's key, which is valid, over a chain of its own (agent-protocol.md, 8)",
    advice: 'Look at the log of the agent: it signs with another key than the one it enrolled with',
  },
} as const satisfies ErrorTable

export const presenceError = errorsOf(presenceErrors)
