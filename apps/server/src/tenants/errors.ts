// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from '@sealwatch/base'

export const tenantErrors = {
  TENANT_UNKNOWN: {
    kind: 'not_found',
    rule: 'the tenant is one that there is',
    advice: '`sealwatch tenant list` names the tenants of this server',
  },
  TENANT_NAME_INVALID: {
    kind: 'invalid',
    rule: "a tenant's name is 1 to 64 lower-case letters, digits and inner hyphens, and not `root`",
    advice: 'Choose another name; it stays for ever, so take one that means nothing else. The title may say more',
  },
  TENANT_TITLE_INVALID: {
    kind: 'invalid',
    rule: "a tenant's title is 1 to 100 characters that can be seen, and spaces",
    advice: 'Leave out control, direction and zero-width characters',
  },
  TENANT_EXISTS: {
    kind: 'conflict',
    rule: "a tenant's name is given once, also after the tenant was erased",
    advice: 'Choose another name; `sealwatch tenant list` says what there is',
  },
  TENANT_LOOKALIKE: {
    kind: 'conflict',
    rule: 'no name or title of a tenant looks like that of another one (UTS #39)',
    advice: 'Choose one that nobody can take for the other',
  },
  TENANTS_TOO_MANY: {
    kind: 'exhausted',
    rule: 'a deployment has at most 10,000 tenants, and 100,000 with those that were erased',
    advice: 'Erase tenants that are not needed any more, or begin another deployment',
  },
  TENANT_STANDING: {
    kind: 'conflict',
    rule: 'the tenants default and cluster stand as long as the deployment does',
    advice: 'Revoke the hosts of the tenant, or erase single persons in it: `sealwatch erase subject`',
  },
  TENANT_STATE: {
    kind: 'conflict',
    rule: 'what is done fits the state of the tenant: active, suspended, erasing, erased',
    advice: '`sealwatch tenant list` shows the state; an erased tenant does not come back',
  },
  TENANT_SUSPENDED: {
    kind: 'unavailable',
    rule: 'a suspended tenant takes nothing: its hosts keep their logs and ship them when it is resumed',
    advice: 'Nothing is lost. A cluster admin resumes the tenant: `sealwatch tenant resume NAME`',
  },
  TENANT_QUOTA_INVALID: {
    kind: 'invalid',
    rule: 'a quota is a whole number from 100 to 10,000,000 lines a second, or none',
    advice: 'Give a number within these limits',
  },
} as const satisfies ErrorTable
export const tenantError = errorsOf(tenantErrors)
