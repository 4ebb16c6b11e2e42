// SPDX-License-Identifier: Apache-2.0

import { createPrivateKey } from 'node:crypto'
import { resolve } from 'node:path'
import {
  type AuditSigner,
  chooseSigner,
  type ManifestAlgorithm,
  prepareSigner,
  readSignerSettings,
  type SignerChoice,
  secretOf,
} from '@sealwatch/keys'
import { text } from '../command.ts'
import { cliError } from '../errors.ts'
import type { Io } from '../io.ts'
import { readSmallFile } from '../small-file.ts'

export const signerOptions = {
  'key-file': text({
    takes: 'FILE',
    help: 'Sign with the private key in this file (PEM, Ed25519 or RSA), and not with what AUDIT_SIGNING_… names',
  }),
} as const

export const signerAbout = `The signer is the key of --key-file, or what the environment names as it does for the server: AUDIT_SIGNING_… for a KMS,
an HSM or a key in a file, SIGNING_PROXY_… for a signing proxy (docs/key_rotation.md). HMAC and the mock never count.`

/** A signer that others can check: its public key and algorithm are there. */
export type PublicSigner = AuditSigner & { readonly algorithm: ManifestAlgorithm; readonly publicKey: Uint8Array }

const keyFileBytesMax = 64 * 1024
const attempted = 'choosing who signs'

/** Whoever calls closes it. Throws CLI_SIGNER, and what the signer throws. */
export async function openSigner(io: Io, keyFile: string | undefined): Promise<PublicSigner> {
  const { choice, required } = keyFile === undefined ? chosen(io) : { choice: ofFile(keyFile), required: false }
  if (choice.backend === 'mock' || choice.algorithm === 'hmac-sha256') {
    const received = choice.backend === 'mock' ? 'the mock' : 'hmac-sha256'
    throw cliError('CLI_SIGNER', { attempted, received })
  }
  const open = await prepareSigner(choice, { required, clock: io.clock })
  return (await open(io.stop)) as PublicSigner
}

function chosen(io: Io) {
  const { active, required } = chooseSigner(readSignerSettings(io.env))
  if (active === undefined) throw cliError('CLI_SIGNER', { attempted, received: 'no signer' })
  return { choice: active, required }
}

function ofFile(path: string): SignerChoice {
  let type: string | undefined
  try {
    type = createPrivateKey(readSmallFile(path, keyFileBytesMax)).asymmetricKeyType
  } catch (cause) {
    // The cause is left behind: a parser may quote what it could not read.
    const { code } = cause as NodeJS.ErrnoException
    throw cliError('CLI_SIGNER', { attempted: `reading ${path}`, received: code ?? 'no private key in PEM' })
  }
  const algorithm = type === 'ed25519' ? 'ed25519' : 'rsa-sha256'
  return { backend: 'file', algorithm, variable: '--key-file', material: secretOf(`file:${resolve(path)}`) }
}
