// SPDX-License-Identifier: Apache-2.0

import type { ProducerKind } from '../store/index.ts'
import type { SigningKey } from './signing-key.ts'

/** ING-2, in the order in which they are judged. */
export const reasons = ['unknown_key', 'invalid_signature', 'key_revoked', 'key_not_yet_valid', 'key_expired'] as const
export type Reason = (typeof reasons)[number]
export const perReason = <T>(of: (reason: Reason) => T) =>
  Object.fromEntries(reasons.map((reason) => [reason, of(reason)])) as Record<Reason, T>

/** Who sent it, by the credential it came with. */
export type KeyOwner = { readonly kind: ProducerKind; readonly producer: string }

export type Evidence = {
  /** By this server's clock, when the bytes came: what senders say of time decides nothing. */
  readonly receivedAt: string
  /** As the sender names it, where it does. */
  readonly algorithm?: string
  /** Whether the signature over the very bytes is the key's. Not asked where the key does not count. */
  readonly verify: () => boolean
}

/**
 * Why what `owner` sent under `key` does not count; undefined: it does. Pure. A window is half-open. What was received
 * before a revocation stays good, unless the key was somebody else's by then already.
 */
export function judgeKey(
  key: SigningKey | undefined,
  owner: KeyOwner,
  { receivedAt, algorithm, verify }: Evidence,
): { readonly reason: Reason; readonly detail: string } | undefined {
  const wrong = (reason: Reason, detail: string) => ({ reason, detail })
  if (key === undefined)
    return wrong('unknown_key', `no such key is registered for the ${owner.kind} ${owner.producer}`)
  if (key.kind !== owner.kind || key.producer !== owner.producer)
    return wrong('unknown_key', `key ${key.keyId} is not registered for the ${owner.kind} ${owner.producer}`)
  if (key.state !== 'active') return wrong('unknown_key', `key ${key.keyId} is ${key.state}, and not promoted yet`)
  if (algorithm !== undefined && algorithm !== key.algorithm)
    return wrong(
      'invalid_signature',
      `key ${key.keyId} is for ${key.algorithm}, and the signature is said to be ${algorithm}`,
    )
  if (!verify()) return wrong('invalid_signature', `the signature is not that of key ${key.keyId} over these bytes`)
  const { revokedAt, compromisedSince, validFrom, validUntil } = key
  if (revokedAt !== null && revokedAt <= receivedAt) return wrong('key_revoked', `revoked at ${revokedAt}`)
  if (revokedAt !== null && compromisedSince !== null && compromisedSince <= receivedAt)
    return wrong('key_revoked', `revoked at ${revokedAt}, compromised since ${compromisedSince}`)
  if (receivedAt < validFrom) return wrong('key_not_yet_valid', `valid from ${validFrom}`)
  if (validUntil !== null && validUntil <= receivedAt) return wrong('key_expired', `valid until ${validUntil}`)
  return undefined
}
