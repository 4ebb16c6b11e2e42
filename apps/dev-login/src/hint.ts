// SPDX-License-Identifier: Apache-2.0

import type { Clock } from '@sealwatch/base'
import { jwtVerify } from 'jose'
import { devLoginError } from './errors.ts'

/** Whom the server's link was made for. */
export type Guest = { readonly subject: string; readonly name: string }

const hintCharsMax = 2_048
const subjectForm = /^[a-z0-9-]{1,64}$/

/**
 * Who signs in, in the server's word: a JWS by the secret that both were handed, for this provider, for this one log-in
 * (its `state`), and young. Throws HINT_INVALID.
 */
export async function readHint(
  hint: unknown,
  of: { readonly issuer: string; readonly state: unknown; readonly secret: string; readonly clock: Clock },
): Promise<Guest> {
  const invalid = (received: string) => devLoginError('HINT_INVALID', { attempted: 'reading who signs in', received })
  if (typeof hint !== 'string' || hint === '' || hint.length > hintCharsMax) throw invalid('no word of the server')
  const { payload } = await jwtVerify(hint, Buffer.from(of.secret), {
    algorithms: ['HS256'],
    typ: 'sealwatch-hint+jwt',
    audience: of.issuer,
    requiredClaims: ['exp', 'sub', 'state', 'name'],
    currentDate: new Date(of.clock.nowMs()),
  }).catch((cause: unknown) => {
    throw invalid(String((cause as { code?: unknown }).code ?? cause))
  })
  const { sub = '', state, name } = payload
  if (state !== of.state) throw invalid('the word about another log-in')
  if (!subjectForm.test(sub) || typeof name !== 'string') throw invalid('a subject of another form')
  return { subject: sub, name }
}
