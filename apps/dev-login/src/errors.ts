// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from '@sealwatch/base'

export const devLoginErrors = {
  DEV_LOGIN_SECRET: {
    kind: 'fatal',
    rule: 'standard input holds one JSON object with SEALWATCH_DEV_LOGIN_CLIENT_SECRET, of 32 characters at the least',
    advice: 'Let `sealwatch up` start the built-in provider',
  },
  DEV_LOGIN_PORT: {
    kind: 'conflict',
    rule: 'the port of the built-in provider is free',
    advice: 'Stop what listens there (`ss -ltnp`), or let `sealwatch up` choose another',
  },
  HINT_INVALID: {
    kind: 'denied',
    rule: 'a log-in says, signed by the server and for less than a minute, whom a link was made for',
    advice: 'Make a link on this machine: sudo ./sealwatch login',
  },
} as const satisfies ErrorTable

export const devLoginError = errorsOf(devLoginErrors)
