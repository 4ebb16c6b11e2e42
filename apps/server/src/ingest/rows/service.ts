// SPDX-License-Identifier: Apache-2.0

import type { Authorised } from '../../access/index.ts'
import { rowError } from './errors.ts'
import type { Service } from './rows.ts'

/** Whose rows come with what the gate let through. Throws SERVICE_UNNAMED. */
export function serviceOf({ principal, tenant }: Authorised<'rows:write'>): Service {
  if (principal.kind === 'machine' && principal.service !== undefined) return { tenant, producer: principal.service }
  throw rowError('SERVICE_UNNAMED', {
    attempted: 'taking rows',
    received: `the principal ${principal.kind}:${principal.id}`,
  })
}
