// SPDX-License-Identifier: Apache-2.0

import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Disk } from '@sealwatch/base'
import { signerError } from './errors.ts'
import { localSigner } from './file.ts'
import type { AuditSigner } from './signer.ts'

/**
 * The Ed25519 key that a deployment makes for itself where no signer is configured, outside of production; it is durable
 * before it is used.
 */
export async function openOwnSigner(path: string, disk: Disk): Promise<AuditSigner> {
  const attempted = `reading ${path}`
  const found = await readFile(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return undefined
    throw signerError('SIGNER_KEY_UNREADABLE', { attempted, received: cause.code, cause })
  })
  const pem = found ?? generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' })
  if (found === undefined) await disk.replace(path, pem, 0o600)
  try {
    return localSigner({ backend: 'file', algorithm: 'ed25519', key: createPrivateKey(pem), location: `file:${path}` })
  } catch (cause) {
    throw signerError('SIGNER_KEY_UNREADABLE', { attempted, cause })
  } finally {
    found?.fill(0)
  }
}
