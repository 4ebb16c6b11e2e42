// SPDX-License-Identifier: Apache-2.0

import type { ErrorTable } from '@sealwatch/base'

export const witnessErrors = {
  WITNESS_REQUEST: {
    kind: 'invalid',
    rule: 'add-checkpoint is `old N`, at most 63 hashes in base64, an empty line and a checkpoint (C2SP tlog-witness)',
    advice: 'Send it again in that form',
  },
} as const satisfies ErrorTable
