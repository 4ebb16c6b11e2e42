// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from '@sealwatch/base/errors'

export const behaviourErrors = {
  BEHAVIOUR_SNAPSHOT: {
    kind: 'invalid',
    rule: 'what was learned of users comes from a snapshot that this version wrote, whole and unchanged',
    advice: 'Remove it: learning begins anew, and nobody is an anomaly until enough is known',
  },
} as const satisfies ErrorTable

export const behaviourError = errorsOf(behaviourErrors)
