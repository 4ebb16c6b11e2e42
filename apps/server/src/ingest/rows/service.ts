// SPDX-License-Identifier: Apache-2.0

import { type SignedRows, submissionLimits } from '@sealwatch/contract'
import type { Authorised } from '../../access/index.ts'
import type { Sender } from '../quarantine/item-form.ts'
import { rowError } from './errors.ts'
import type { Service } from './rows.ts'

/** Whose rows come with what the gate let through. Throws SERVICE_UNNAMED. */
export function serviceOf({ principal, tenant }: Authorised<'rows:write'>): Service {
  if ((principal.kind === 'machine' || principal.kind === 'service') && principal.service !== undefined)
    return { tenant, producer: principal.service }
  throw rowError('SERVICE_UNNAMED', {
    attempted: 'taking rows',
    received: `the principal ${principal.kind}:${principal.id}`,
  })
}

/** Who sent them, as it stands beside what is quarantined. `certificate`: the serial of the one it came with, if any. */
export const senderOfRows = (
  { principal }: Authorised<'rows:write'>,
  address: string | undefined,
  certificate: string | null = null,
): Sender => ({ address: address ?? '', certificate, token: principal.kind === 'machine' ? principal.id : null })

/** What one request may bring. Throws SUBMISSIONS_INVALID. */
export function checkRequest(submissions: readonly SignedRows[]): readonly SignedRows[] {
  const { requestSubmissionsMax, requestBytesMax } = submissionLimits
  const bytes = submissions.reduce((sum, { payload }) => sum + payload.length, 0)
  const count = submissions.length
  if (count >= 1 && count <= requestSubmissionsMax && bytes <= requestBytesMax) return submissions
  throw submissionsInvalid(`${count} submissions, with payloads of ${bytes} bytes together`)
}

export const submissionsInvalid = (received: string) =>
  rowError('SUBMISSIONS_INVALID', { attempted: 'reading submissions', received })
