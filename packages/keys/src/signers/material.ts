// SPDX-License-Identifier: Apache-2.0

import { createPrivateKey, createSecretKey, type KeyObject } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import type { AuditAlgorithm } from './algorithms.ts'
import { signerError } from './errors.ts'
import { refuseKnownSecret } from './known-keys.ts'
import { type Secret, secretOf } from './secret.ts'

const fileBytesMax = 64 * 1024

/**
 * The value itself, or what the file holds that `file:/path` names, without the newlines at its end. In production a
 * file that others may read is refused.
 */
export async function materialOf(given: Secret, variable: string, required: boolean): Promise<Secret> {
  const text = given.reveal()
  if (!text.startsWith('file:')) return given
  return secretFile(text.slice('file:'.length), variable, required)
}

export async function secretFile(path: string, variable: string, required: boolean): Promise<Secret> {
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
    const { code } = cause as NodeJS.ErrnoException
    throw code?.startsWith('SIGNER_') === true ? cause : unreadable(code, cause)
  }
  const text = bytes.toString('utf8').replace(/[\r\n]+$/, '')
  bytes.fill(0)
  if (text === '') throw unreadable('an empty file')
  return secretOf(text)
}

/** The key object of a local key; from here on the key is OpenSSL's. */
export function localKeyObject(
  algorithm: AuditAlgorithm,
  material: Secret,
  variable: string,
  required: boolean,
): KeyObject {
  const attempted = `reading the key of ${variable}`
  const text = material.reveal()
  if (algorithm === 'hmac-sha256') {
    if (required) refuseKnownSecret(text, attempted)
    const bytes = Buffer.from(text)
    const key = createSecretKey(bytes)
    bytes.fill(0)
    return key
  }
  try {
    // A PEM that went through a one-line variable has its newlines written out.
    return createPrivateKey(text.replaceAll('\\n', '\n'))
  } catch {
    // The cause is left behind: a parser may quote what it could not read.
    throw signerError('SIGNER_KEY_UNREADABLE', {
      attempted,
      received: `${text.length} characters that are no such PEM`,
    })
  }
}
