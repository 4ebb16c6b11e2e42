// SPDX-License-Identifier: Apache-2.0

import { createPublicKey } from 'node:crypto'
import { auditKeyId, type RootKey } from '@sealwatch/keys'
import { cliError } from '../errors.ts'
import { readSmallFile } from '../small-file.ts'

const pemBytesMax = 64 * 1024

/** `OWNER=FILE,…`: who keeps which public key, as a root has them. Throws CLI_USAGE. */
export function readMembers(list: string, attempted: string): Record<string, RootKey> {
  const rows = list.split(',').map((pair) => memberOf(pair, attempted))
  const keys = Object.fromEntries(rows)
  if (Object.keys(keys).length === rows.length) return keys
  throw cliError('CLI_USAGE', {
    attempted,
    received: 'one key of two owners',
    advice: 'Each owner has a key of their own: ./sealwatch manifest key',
  })
}

function memberOf(pair: string, attempted: string): [keyid: string, RootKey] {
  const [owner = '', path = ''] = pair.split(/=(.*)/s)
  const wrong = (received: string) =>
    cliError('CLI_USAGE', { attempted, received, advice: "Give each as OWNER=FILE: --keys 'Ada=ada.pem,Bo=bo.pem'" })
  if (owner === '' || path === '') throw wrong(pair)
  try {
    const key = createPublicKey(readSmallFile(path, pemBytesMax))
    const spki = new Uint8Array(key.export({ type: 'spki', format: 'der' }))
    const algorithm = key.asymmetricKeyType === 'ed25519' ? 'ed25519' : 'rsa-sha256'
    return [auditKeyId(spki), { algorithm, owner, public_key: spki.toBase64() }]
  } catch (cause) {
    throw wrong(`${path}: ${(cause as NodeJS.ErrnoException).code ?? 'no public key in PEM'}`)
  }
}
