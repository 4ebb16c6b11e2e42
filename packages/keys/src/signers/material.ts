// SPDX-License-Identifier: Apache-2.0

import { createPrivateKey, createSecretKey, type KeyObject } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { isSealwatchError } from '@sealwatch/base'
import type { AuditAlgorithm } from './algorithms.ts'
import { signerError } from './errors.ts'
import { refuseKnownSecret } from './known-keys.ts'
import { type Secret, secretOf } from './secret.ts'

const fileBytesMax = 64 * 1024

/** The value itself, or what the file holds that `file:/path` names, as `secretFile` reads it. */
export async function materialOf(given: Secret, variable: string, required: boolean): Promise<Secret> {
  const path = pathIn(given)
  return path === undefined ? given : secretFile(path, variable, required)
}

/** The text of a file without the newlines at its end. */
export async function secretFile(path: string, variable: string, required: boolean): Promise<Secret> {
  const bytes = await readSecret(path, variable, required)
  const text = bytes.toString('utf8')
  bytes.fill(0)
  return secretOf(text)
}

/**
 * The key object of a local key; from here on the key is OpenSSL's. Of a private key in a file no text is made, and its
 * bytes are wiped.
 */
export async function localKeyObject(
  algorithm: AuditAlgorithm,
  given: Secret,
  variable: string,
  required: boolean,
): Promise<KeyObject> {
  const attempted = `reading the key of ${variable}`
  const path = pathIn(given)
  // A PEM that went through a one-line variable has its newlines written out.
  const bytes =
    path === undefined
      ? Buffer.from(algorithm === 'hmac-sha256' ? given.reveal() : given.reveal().replaceAll('\\n', '\n'))
      : await readSecret(path, variable, required)
  try {
    if (algorithm !== 'hmac-sha256') return createPrivateKey(bytes)
    if (required) refuseKnownSecret(bytes.toString('utf8'), attempted)
    return createSecretKey(bytes)
  } catch (cause) {
    if (isSealwatchError(cause)) throw cause
    // The cause is left behind: a parser may quote what it could not read.
    throw signerError('SIGNER_KEY_UNREADABLE', { attempted, received: `${bytes.length} bytes that are no such PEM` })
  } finally {
    bytes.fill(0)
  }
}

/** The file that it names, where it is not the value itself. */
export const pathIn = (given: Secret): string | undefined => /^file:(.*)$/s.exec(given.reveal())?.[1]

/** Without the newlines at its end. In production a file that others may read is refused. */
async function readSecret(path: string, variable: string, required: boolean): Promise<Buffer> {
  const attempted = `reading ${path}, which ${variable} names`
  const unreadable = (received: unknown, cause?: unknown) =>
    signerError('SIGNER_KEY_UNREADABLE', { attempted, received, cause })
  if (!path.startsWith('/')) throw unreadable('a path that is not absolute')
  let bytes: Buffer
  try {
    const { size, mode } = await stat(path)
    if (size > fileBytesMax) throw unreadable(`${size} bytes`)
    if (required && (mode & 0o077) !== 0) throw unreadable(`mode ${(mode & 0o777).toString(8)}: others may read it`)
    bytes = await readFile(path)
  } catch (cause) {
    throw isSealwatchError(cause) ? cause : unreadable((cause as NodeJS.ErrnoException).code, cause)
  }
  let end = bytes.length
  while (end > 0 && (bytes[end - 1] === 0x0a || bytes[end - 1] === 0x0d)) end -= 1
  if (end === 0) throw unreadable('an empty file')
  return bytes.subarray(0, end)
}
