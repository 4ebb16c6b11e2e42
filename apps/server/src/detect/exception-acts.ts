// SPDX-License-Identifier: Apache-2.0
// What a ledger is told of exceptions. What one names may be a person: the ledger has its digest.

import { toSeconds } from '@sealwatch/base'
import { type Authorised, actBy } from '../access/index.ts'
import type { Act } from '../identity/index.ts'
import { digestOf, type ExceptionRow } from './exception-form.ts'
import { exceptionCodes } from './exception-vouching.ts'
import { type RequestMatter, titleOf } from './requests/exception.ts'

const entityOf = ({ tenant, exception_id }: ExceptionRow) => ({
  type: 'Rule Exception',
  uid: `${tenant}/${exception_id}`,
})

/** A rule, a tag, or what of requests. */
export const exceptedIn = ({ rule_id, tag, request }: ExceptionRow): string =>
  request === null ? (rule_id ?? tag ?? '') : titleOf(JSON.parse(request) as RequestMatter)

export function exceptionAct(by: Authorised, row: ExceptionRow, what: 'added' | 'removed'): Omit<Act, 'timeNs'> {
  const { tenant, exception_id, expires_at, reason } = row
  const until = what === 'added' ? `: until ${toSeconds(expires_at)}` : ''
  return {
    code: exceptionCodes[what],
    component: 'detect',
    tenant,
    by: actBy(by),
    verb: what === 'added' ? 'create' : 'delete',
    severity: 'medium',
    message: `the exception ${exception_id} from ${exceptedIn(row)} was ${what}${until}`,
    entity: entityOf(row),
    details: {
      rule_exception: exception_id,
      rule_exception_of: exceptedIn(row),
      rule_exception_digest: digestOf(row),
      expires_at,
      change_cause: reason,
    },
  }
}

export function endingAct(row: ExceptionRow, timeNs: bigint): Act {
  const { tenant, exception_id, expires_at, owner } = row
  const of = exceptedIn(row)
  return {
    code: 'rule_exception_ending',
    component: 'detect',
    tenant,
    timeNs,
    by: { name: 'server:rules', requestId: exception_id },
    verb: 'update',
    severity: 'low',
    message: `the exception ${exception_id} of ${owner} from ${of} ends at ${toSeconds(expires_at)}: what it kept quiet is alerted of then`,
    entity: entityOf(row),
    details: { rule_exception: exception_id, rule_exception_of: of, expires_at },
  }
}
