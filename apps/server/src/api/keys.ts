// SPDX-License-Identifier: Apache-2.0

import type { EraseSubjectRequest } from '@sealwatch/contract'
import { type Authorised, actBy, nameOf } from '../access/index.ts'
import type { Erased } from '../custody/index.ts'
import { apiError } from './errors.ts'
import type { ApiKeys, ApiPorts } from './ports.ts'

const subjectCharsMax = 1024

/** What GetKeys says, as JSON: docs/reference/status.md. */
export function keysJson(keys: ApiKeys): string {
  const { epoch, epochs, toRewrap, subjectKeys, cached, memory } = keys.status()
  return JSON.stringify({ epoch, epochs, toRewrap, subjectKeys, cached, memory })
}

export async function* rotateKeys(keys: ApiKeys, by: Authorised<'keys:rotate'>, signal: AbortSignal) {
  await keys.rotate(actBy(by))
  yield* rewrapKeys(keys, signal)
}

export async function* rewrapKeys(keys: ApiKeys, signal: AbortSignal) {
  for await (const progress of keys.rewrap(signal)) yield { epoch: keys.status().epoch, ...progress }
}

export async function eraseSubject(
  { keys }: ApiPorts,
  { tenant, principal }: Authorised<'subject:erase'>,
  { case: kind, value = '' }: EraseSubjectRequest['subject'],
) {
  const isFormed = kind === 'uid' ? /^[^/]+\/[^/]+$/.test(value) : kind === 'name' && value !== ''
  if (!isFormed || value.length > subjectCharsMax) {
    // What was received is not repeated: it may name a person.
    const received = `${kind ?? 'nobody'}, ${value.length} characters`
    throw apiError('API_INVALID', { attempted: 'reading whose keys to destroy', received })
  }
  return messageOf(await keys.eraseSubject(tenant, `${kind}:${value}`, nameOf(principal)))
}

const messageOf = ({ leafIndex, label = '', subjectKeys, tenantKeys, firstLayout }: Erased) => ({
  leafIndex: BigInt(leafIndex),
  label,
  subjectKeys,
  tenantKeys,
  firstLayout,
})
