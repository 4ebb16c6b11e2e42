// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from '@sealwatch/base'

export const accessErrors = {
  ROLE_UNKNOWN: {
    kind: 'not_found',
    rule: 'the role is a standing one, or one that this tenant made (docs/access.md)',
    advice: '`sealwatch role list` shows the roles of the tenant',
  },
  ROLE_INVALID: {
    kind: 'invalid',
    rule: 'a custom role has a name of its own (a to z, 0 to 9, - and _, at most 32) and actions that a role may be made of',
    advice: '`sealwatch role list` shows them (docs/reference/roles.md)',
  },
  ROLE_IN_USE: {
    kind: 'conflict',
    rule: 'a role that somebody holds is not removed',
    advice: 'Take it from those who hold it first: `sealwatch member list`',
  },
  GRANT_BEYOND_OWN: {
    kind: 'denied',
    rule: 'nobody hands on what they may not do themselves',
    advice: 'Ask an admin who may all of it',
  },
  GRANT_LAST_ADMIN: {
    kind: 'conflict',
    rule: 'a tenant keeps somebody who may grant roles in it',
    advice: 'Grant the role to somebody else first',
  },
  APPOINT_HELD: {
    kind: 'conflict',
    rule: 'an admin of the deployment appoints the first admin of a tenant, and nobody beside those it has',
    advice: 'Ask an admin of the tenant; root on the server grants roles in any: sudo ./sealwatch member grant',
  },
  APPOINT_OWN: {
    kind: 'denied',
    rule: 'nobody appoints themselves as admin of a tenant',
    advice: 'Appoint somebody else; root on the server grants roles to anybody: sudo ./sealwatch member grant',
  },
  GRANT_UNKNOWN: {
    kind: 'not_found',
    rule: 'what is taken was given',
    advice: '`sealwatch member list` shows who holds what',
  },
  TOKEN_INVALID: {
    kind: 'invalid',
    rule: 'a token has a name of 1 to 64 characters, actions that a token may be given, and ends within a year; one with rows:write has that alone, and names the service whose rows it brings',
    advice: '`sealwatch role list` shows the actions; `sealwatch token create --help` an example',
  },
  API_TOKEN_UNKNOWN: {
    kind: 'not_found',
    rule: 'the token is one of this tenant',
    advice: '`sealwatch token list` shows them',
  },
  ACCESS_TOO_MANY: {
    kind: 'exhausted',
    rule: 'a tenant has at most 1,000 grants, 100 roles and 1,000 tokens',
    advice: 'Remove what is not used any more',
  },
} as const satisfies ErrorTable
export const accessError = errorsOf(accessErrors)

export const perTenantMax = { grants: 1_000, roles: 100, tokens: 1_000 } as const
