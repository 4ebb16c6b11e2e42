// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from '@sealwatch/base'

export const witnessErrors = {
  WITNESS_REQUEST: {
    kind: 'invalid',
    rule: 'add-checkpoint is `old N`, at most 63 hashes in base64, an empty line and a checkpoint (C2SP tlog-witness)',
    advice: 'Send it again in that form',
  },
  WITNESS_ABSENT: {
    kind: 'not_found',
    rule: 'a witness has its name and its key in its data directory',
    advice: 'Make it first: sealwatch witness init NAME',
  },
  WITNESS_EXISTS: {
    kind: 'conflict',
    rule: 'a data directory holds one witness, whose name and key never change',
    advice: 'Use it as it is, or make the other one in another directory: --data DIR',
  },
  WITNESS_DAMAGED: {
    kind: 'fatal',
    rule: 'a witness never forgets what it cosigned: each log has its file, whole and unaltered',
    advice:
      'Do not restore it from a backup, which may be older than what was cosigned: make a new witness (sealwatch witness init) and have its key pinned instead',
  },
  WITNESS_FORKED: {
    kind: 'fatal',
    rule: 'one process alone cosigns from a data directory',
    advice: 'Stop the other one; a copied directory must never run, for it would cosign what the first one refuses',
  },
  WITNESS_NO_EVIDENCE: {
    kind: 'not_found',
    rule: 'evidence is named by the id under which the witness keeps it',
    advice: 'List what there is: sealwatch witness evidence',
  },
  WITNESS_LIMIT: {
    kind: 'exhausted',
    rule: 'a witness knows at most 1000 logs, and 16 keys of each',
    advice: 'Run a second witness in another directory: --data DIR',
  },
} as const satisfies ErrorTable
export const witnessError = errorsOf(witnessErrors)
