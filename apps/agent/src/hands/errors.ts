// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from '@sealwatch/base'

export const handsErrors = {
  TARGET_GONE: {
    kind: 'not_found',
    rule: 'who is to be ended is the process that began at the time of the command, and lives',
    advice: 'Nothing: it is over; a later process of its number is left alone',
  },
  TARGET_SPARED: {
    kind: 'denied',
    rule: 'never ended are process 1, threads of the kernel, our own parts, and what is protected (docs/formats/orders.md, 5.2)',
    advice: 'Look at the incident: what acts there must be stopped by a person',
  },
  SIGNAL_REFUSED: {
    kind: 'unavailable',
    rule: 'the kernel lets the hands signal the processes of others (CAP_KILL)',
    advice: 'See docs/privileges.md: whoever starts the hands gives them that capability',
  },
  HANDS_ELSEWHERE: {
    kind: 'unavailable',
    rule: 'hands act in the first pid namespace of the machine: the numbers of processes are others elsewhere',
    advice: 'Start Sealwatch outside of a container, or with the pid namespace of the machine',
  },
  AUTHORITY_UNREADABLE: {
    kind: 'unavailable',
    rule: 'a file that is root’s alone to write says which CA the hands believe (docs/formats/orders.md, 1.2)',
    advice: 'Let the machine join its server, or start it: that writes the file',
  },
} as const satisfies ErrorTable
export const handsError = errorsOf(handsErrors)
