// SPDX-License-Identifier: Apache-2.0
// Somebody else's cryptography: what we sign must hold for the openssl command, over the original message.

import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const openssl = (args: readonly string[], input?: Uint8Array): Buffer =>
  execFileSync('openssl', args, { input, stdio: ['pipe', 'pipe', 'pipe'] })

/** A private key in PEM at `path`. */
export function makeKey(algorithm: 'rsa-sha256' | 'ed25519', path: string): void {
  const kind = algorithm === 'ed25519' ? ['ed25519'] : ['rsa', '-pkeyopt', 'rsa_keygen_bits:2048']
  openssl(['genpkey', '-algorithm', ...kind, '-out', path])
}

export const publicKeyOf = (path: string): Buffer => openssl(['pkey', '-in', path, '-pubout', '-outform', 'DER'])

/** RSASSA-PKCS1-v1_5 over a digest that is taken as it comes. */
export const signDigest = (path: string, digest: Uint8Array): Buffer =>
  openssl(['pkeyutl', '-sign', '-inkey', path, '-pkeyopt', 'digest:sha256'], digest)

/** Ed25519, over the whole message. */
export function signWhole(path: string, message: Uint8Array): Buffer {
  const file = `${path}.message`
  writeFileSync(file, message)
  return openssl(['pkeyutl', '-sign', '-inkey', path, '-rawin', '-in', file])
}

export const hmac = (secretHex: string, message: Uint8Array): Buffer =>
  openssl(['dgst', '-sha256', '-mac', 'HMAC', '-macopt', `hexkey:${secretHex}`, '-binary'], message)

/** Encrypts and decrypts alike. */
export const aesCtr = (keyHex: string, ivHex: string, input: Uint8Array): Buffer =>
  openssl(['enc', '-aes-256-ctr', '-K', keyHex, '-iv', ivHex, '-nopad'], input)

/** `openssl pkeyutl -verify` over the message itself. */
export function opensslVerifies(
  dir: string,
  algorithm: 'rsa-sha256' | 'ed25519',
  spki: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  const file = (name: string, bytes: Uint8Array) => {
    writeFileSync(join(dir, name), bytes)
    return join(dir, name)
  }
  const digest = algorithm === 'rsa-sha256' ? ['-digest', 'sha256'] : []
  const key = ['-pubin', '-keyform', 'DER', '-inkey', file('public.der', spki)]
  const files = ['-in', file('message', message), '-sigfile', file('signature', signature)]
  const { status, stdout } = spawnSync('openssl', ['pkeyutl', '-verify', '-rawin', ...digest, ...key, ...files])
  return status === 0 && stdout.toString().includes('Signature Verified Successfully')
}

export const readPem = (path: string): string => readFileSync(path, 'utf8')
