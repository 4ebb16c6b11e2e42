// SPDX-License-Identifier: Apache-2.0

import { devLoginError } from './errors.ts'

/** What the server and this provider know of each other. */
const name = 'SEALWATCH_DEV_LOGIN_CLIENT_SECRET'
const form = /^[\x21-\x7e]{32,512}$/

/** The secret, of what the supervisor hands over on standard input. Throws DEV_LOGIN_SECRET, which shows nothing of it. */
export function handedSecret(bytes: Uint8Array): string {
  try {
    const given = JSON.parse(Buffer.from(bytes).toString('utf8')) as Readonly<Record<string, unknown>>
    const secret = given[name]
    if (typeof secret === 'string' && form.test(secret) && Object.keys(given).length === 1) return secret
  } catch {
    // The cause is left behind: a parser quotes what it could not read.
  }
  const received = `${bytes.length} bytes that are no such object`
  throw devLoginError('DEV_LOGIN_SECRET', { attempted: 'reading the secret on standard input', received })
}
