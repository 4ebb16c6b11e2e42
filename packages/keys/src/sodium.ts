// SPDX-License-Identifier: Apache-2.0

import process from 'node:process'

/** All three of the right length is the caller's to check: a raw key of 32 bytes, a signature of 64. */
export type VerifyRaw = (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array) => boolean

const functions = {
  sodium_init: { return: 'i32', arguments: [] },
  crypto_sign_verify_detached: { return: 'i32', arguments: ['buffer', 'buffer', 'u64', 'buffer'] },
} as const

/**
 * Ed25519 by libsodium, in less than half of the time that the OpenSSL of Node.js takes. It refuses besides what nobody makes
 * who keeps a key: points that are not reduced, or have small order. Undefined where the library is not installed, or does
 * not do what RFC 8032 says.
 */
export function openSodium(library = 'libsodium.so.23'): VerifyRaw | undefined {
  try {
    // A service that only signs has nothing to do with what node calls experimental, and is told nothing of it.
    const { dlopen } = process.getBuiltinModule('node:ffi')
    const { sodium_init, crypto_sign_verify_detached } = dlopen(library, functions).functions
    if (sodium_init() < 0) return undefined
    const verify: VerifyRaw = (publicKey, message, signature) =>
      crypto_sign_verify_detached(signature, message, BigInt(message.length), publicKey) === 0
    return isRight(verify) ? verify : undefined
  } catch {
    return undefined
  }
}

/** RFC 8032, 7.1, test 3. */
function isRight(verify: VerifyRaw): boolean {
  const publicKey = Uint8Array.fromHex('fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025')
  const signature = Uint8Array.fromHex(
    '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  )
  return (
    verify(publicKey, Uint8Array.of(0xaf, 0x82), signature) && !verify(publicKey, Uint8Array.of(0xaf, 0x83), signature)
  )
}
