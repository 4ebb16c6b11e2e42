// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from '@sealwatch/base/errors'

/** What a guard refuses on its socket (docs/formats/protect.md, 5). */
export const protectErrors = {
  PROTECT_MALFORMED: {
    kind: 'invalid',
    rule: 'a line on the guard’s socket is one JSON object of at most 4,096 bytes, with the members of docs/formats/protect.md and no others',
    advice: 'Compare what was sent with vectors/protect/lines.json',
  },
  PROTECT_VERSION: {
    kind: 'invalid',
    rule: 'a registration has "v": 1',
    advice: 'Use the client of the release that the guard is of',
  },
  PROTECT_NAME: {
    kind: 'invalid',
    rule: 'a protected process has a name of 1 to 64 lower-case letters, digits, dots, hyphens and underscores',
    advice: 'Name the service, not the machine or the process: "billing"',
  },
  PROTECT_STEPS: {
    kind: 'invalid',
    rule: 'the steps of a registration are a list of evict and rotate, each once at most',
    advice: 'Leave out what the service cannot do; an empty list is a registration, too',
  },
  PROTECT_OTHER_NAME: {
    kind: 'conflict',
    rule: 'a process is registered under one name',
    advice: 'Register once, with the steps of all its parts',
  },
  PROTECT_NAME_TAKEN: {
    kind: 'denied',
    rule: 'the names of Sealwatch’s own parts are theirs, and a name that one user has registered is that user’s as long as a process of it lives',
    advice: 'Register under another name; whoever shares a name is ordered to change keys when any of them is attacked',
  },
  PROTECT_NOT_REGISTERED: {
    kind: 'conflict',
    rule: 'the first line of a connection is a registration',
    advice: 'Register again after the connection was lost, then answer',
  },
  PROTECT_FULL: {
    kind: 'exhausted',
    rule: 'at most 1,024 processes are registered, 64 of one user',
    advice: 'Protect the processes that hold keys, and not those that they start',
  },
} as const satisfies ErrorTable
export const protectError = errorsOf(protectErrors)
