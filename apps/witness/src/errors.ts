// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from '@sealwatch/base'

export const witnessProgramErrors = {
  WITNESS_RUNNING: {
    kind: 'conflict',
    rule: 'one process alone cosigns from a data directory',
    advice: 'Use the one that runs, or stop it',
  },
  WITNESS_LISTEN: {
    kind: 'unavailable',
    rule: 'the address and the port must be free and of this machine, and the TLS files a certificate and its key',
    advice: 'Set another address or port (--listen), or correct --tls-cert and --tls-key',
  },
} as const satisfies ErrorTable
export const witnessProgramError = errorsOf(witnessProgramErrors)
