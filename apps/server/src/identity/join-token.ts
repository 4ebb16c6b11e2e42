// SPDX-License-Identifier: Apache-2.0

import { hash, randomBytes } from 'node:crypto'
import { joinTokenForm } from '@sealwatch/contract'
import { identityError } from './errors.ts'

export const pinCharsOfFingerprint = 32

export type NewJoinToken = {
  /** For the person alone: it is never stored nor logged. */
  readonly token: string
  /** Hex SHA-256 of the secret: what is stored. */
  readonly secretHash: string
}

/** The pin lets an agent know the server before it hands over the secret. */
export function newJoinToken(caFingerprint: string): NewJoinToken {
  const secret = randomBytes(32).toString('base64url')
  return { token: `swj_${secret}.${caFingerprint.slice(0, pinCharsOfFingerprint)}`, secretHash: secretHashOf(secret) }
}

/** What to look a presented token up by. Throws TOKEN_UNKNOWN for any other form; the error never quotes the token. */
export function presentedSecretHash(token: string): string {
  const found = secretHashIn(token)
  if (found !== undefined) return found
  throw identityError('TOKEN_UNKNOWN', {
    attempted: 'reading a join token',
    received: `${token.length} characters that are not of the form swj_<secret>.<pin>`,
  })
}

/** undefined: it has another form. */
export function secretHashIn(token: string): string | undefined {
  const secret = joinTokenForm.exec(token)?.[1]
  return secret === undefined ? undefined : secretHashOf(secret)
}

const secretHashOf = (secret: string): string => hash('sha256', Buffer.from(secret, 'base64url'), 'hex')

/** How a token is spoken of where it must not be told. */
export const tokenName = (secretHash: string): string => secretHash.slice(0, 12)
