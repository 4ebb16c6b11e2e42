// SPDX-License-Identifier: Apache-2.0

import type { RegistryChange } from './line.ts'

/** As the last line about it says. */
export type KeyTerms = Pick<RegistryChange, 'state' | 'valid_from' | 'valid_until' | 'revoked_at' | 'compromised_since'>

/**
 * Why a key does not count for what was received then; undefined: it does (line.md, 5.4). Times are RFC 3339 with nine
 * digits: they compare as text.
 */
export function keyFault(key: KeyTerms, receivedAt: string): string | undefined {
  const { state, valid_from, valid_until } = key
  if (state === 'candidate') return 'a candidate'
  if (isRevokedFor(key, receivedAt)) return 'revoked'
  if (receivedAt < valid_from) return 'not yet valid'
  return valid_until !== null && valid_until <= receivedAt ? 'expired' : undefined
}

/** A revocation is for good: no later line takes it back. */
export function isRevokedFor(
  { revoked_at, compromised_since }: Pick<KeyTerms, 'revoked_at' | 'compromised_since'>,
  receivedAt: string,
): boolean {
  if (revoked_at === null) return false
  return revoked_at <= receivedAt || (compromised_since !== null && compromised_since <= receivedAt)
}
