// SPDX-License-Identifier: Apache-2.0

import type { ErrorTable } from '@sealwatch/base'

export const segmentErrors = {
  CHAIN_DAMAGED: {
    kind: 'unverified',
    rule: 'everything before the last batch of a chain file must hang together and be signed (chain.md, 4)',
    advice: 'The file was altered while the agent was down. It is set aside as evidence and a new chain begins',
  },
} as const satisfies ErrorTable
