// SPDX-License-Identifier: Apache-2.0

import { signerError } from './errors.ts'
import { auditSignerSettings } from './settings.ts'

/**
 * A variable that a process is started with stands in its /proc/PID/environ for as long as it lives, whatever it deletes
 * of its own view. So who starts a signing program hands it the secret ones on standard input, as one JSON object.
 */
export const handedMark = { [auditSignerSettings.secretsFrom.env]: 'stdin' } as const

/** Of what programs of ours are told: what signs, what AWS's client takes, and what the server shows its provider and its mail server. */
export const isSecretVariable = (name: string): boolean => secretNames.has(name)

const secretNames: ReadonlySet<string> = new Set([
  ...Object.values(auditSignerSettings).flatMap((setting) =>
    'secret' in setting && setting.secret === true ? [setting.env] : [],
  ),
  'SEALWATCH_SERVER_OIDC_CLIENT_SECRET',
  'SEALWATCH_SERVER_SMTP_PASSWORD',
  // It may hold a password.
  'REDIS_URL',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_CONTAINER_AUTHORIZATION_TOKEN',
])

/** The settings, with what `read` gives where they say so. Throws SIGNER_SETTINGS, which shows nothing of it. */
export function withHanded<T extends Record<string, string | undefined>>(env: T, read: () => Uint8Array): T {
  if (env[auditSignerSettings.secretsFrom.env] !== 'stdin') return env
  const bytes = read()
  const refused = () =>
    signerError('SIGNER_SETTINGS', {
      attempted: 'reading the secret settings from standard input',
      received: `${bytes.length} bytes that are no JSON object of secret variables`,
    })
  let given: unknown
  try {
    given = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'))
  } catch {
    // The cause is left behind: a parser quotes what it could not read.
    throw refused()
  }
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw refused()
  const isWhole = Object.entries(given).every(([name, value]) => isSecretVariable(name) && typeof value === 'string')
  if (!isWhole) throw refused()
  return Object.assign(env, given)
}
