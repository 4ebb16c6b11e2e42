// SPDX-License-Identifier: Apache-2.0
// Hand-made samples of what the ledger says of people: vectors/events holds them, and holds us to them.

import type { ServerVoice } from '../../identity/index.ts'
import { loggedIn, loggedOut, loginFailed, personChanged, personCreated } from './events.ts'

const voice: ServerVoice = {
  device: {
    uid: 'd-0123456789',
    hostname: 'control.example.com',
    type_id: 0,
    type: 'Unknown',
    boot_uid: '6ba7b810-9dad-11d1-80b4-00c04fd430c8',
    os: { name: 'Linux', type_id: 200, type: 'Linux', kernel_release: '6.12.0' },
  },
  version: '0.1.0',
}
const timeNs = 1_780_000_000_123_456_789n
const personId = 'usr_0123456789abcdef0123'
const session = 'ses_fedcba98765432100123'
const source = '192.0.2.7'
const requestId = 'req_0123456789abcdef01234567'
const by = { name: 'person:usr_11111111111111111111', requestId }

export function sampleSignInEvents(): Readonly<Record<string, object>> {
  const login = { personId, session, method: 'oidc', activeTenant: 'default', source, requestId } as const
  const bodies = {
    'person-created': personCreated(voice, timeNs, personId),
    'person-disabled': personChanged(voice, timeNs, personId, 'disable', by),
    'person-enabled': personChanged(voice, timeNs, personId, 'enable', by),
    'person-erased': personChanged(voice, timeNs, personId, 'delete', by),
    login: loggedIn(voice, timeNs, { ...login, link: 'ab12cd34ef56' }),
    'login-by-break-glass': loggedIn(voice, timeNs, { ...login, method: 'break_glass', source: 'many' }),
    'login-failed': loginFailed(voice, timeNs, {
      personId: undefined,
      cause: 'LOGIN_UNPROVEN',
      source,
      requestId,
      times: 3,
    }),
    'session-switched': loggedIn(voice, timeNs, { ...login, instead: 'ses_00000000000000000000' }),
    logout: loggedOut(voice, timeNs, { personId, session, cause: 'logout', requestId }),
  }
  return Object.fromEntries(
    Object.entries(bodies).map(([name, body]) => [name, (body as unknown as { event: object }).event]),
  )
}
