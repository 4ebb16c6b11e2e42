// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from '@sealwatch/base'

export const configurationErrors = {
  CONFIG_REPLAYED: {
    kind: 'conflict',
    rule: 'each configuration of a host has a greater version than all that it has seen before',
    advice: 'Look who sends older ones: a server that was restored, or somebody who kept one',
  },
} as const satisfies ErrorTable
export const configurationError = errorsOf(configurationErrors)
