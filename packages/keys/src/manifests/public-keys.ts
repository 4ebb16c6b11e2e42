// SPDX-License-Identifier: Apache-2.0
// SubjectPublicKeyInfo in DER, read so strictly that one key has one encoding. No node: imports.

import { isSoundPublicKey } from '../public-key.ts'

/** HMAC is none of them: whoever can check it can make it, so it never counts (trust-root.md, 2.4). */
export const manifestAlgorithms = ['ed25519', 'rsa-sha256'] as const
export type ManifestAlgorithm = (typeof manifestAlgorithms)[number]

/** RFC 8410, 4. */
const ed25519Prefix = Uint8Array.fromHex('302a300506032b6570032100')
/** RFC 8017, A.1: rsaEncryption, and NULL. */
const rsaAlgorithm = Uint8Array.fromHex('300d06092a864886f70d0101010500')
const rsaBits = { min: 2048, max: 8192 } as const

/**
 * What makes the key this one and no other, in hex: the point, or the modulus, for whoever can sign with one exponent of
 * it can with all. Undefined: no key that may be trusted with this algorithm.
 */
export function identityOf(algorithm: ManifestAlgorithm, spki: Uint8Array): string | undefined {
  return algorithm === 'ed25519' ? pointOf(spki) : modulusOf(spki)
}

function pointOf(spki: Uint8Array): string | undefined {
  const point = spki.subarray(ed25519Prefix.length)
  return startsWith(spki, ed25519Prefix) && isSoundPublicKey(point) ? point.toHex() : undefined
}

function modulusOf(spki: Uint8Array): string | undefined {
  const outer = whole(spki, 0x30)
  if (outer === undefined || !startsWith(outer, rsaAlgorithm)) return undefined
  const bits = whole(outer.subarray(rsaAlgorithm.length), 0x03)
  if (bits?.[0] !== 0) return undefined
  const pair = whole(bits.subarray(1), 0x30)
  const modulus = pair && element(pair, 0x02)
  if (modulus === undefined || !isPositive(modulus.content)) return undefined
  const exponent = whole(modulus.rest, 0x02)
  if (exponent === undefined || !isPositive(exponent)) return undefined
  const digits = modulus.content.toHex().replace(/^(00)+/, '')
  const length = digits.length * 4 - Math.clz32(Number.parseInt(digits.slice(0, 2), 16)) + 24
  const isOdd = ((exponent.at(-1) ?? 0) & 1) === 1 && exponent.toHex() !== '01'
  return isOdd && length >= rsaBits.min && length <= rsaBits.max ? digits : undefined
}

/** The content of the one element that `bytes` consist of. */
function whole(bytes: Uint8Array, tag: number): Uint8Array | undefined {
  const found = element(bytes, tag)
  return found?.rest.length === 0 ? found.content : undefined
}

/** X.690, 10.1: a length is written in the fewest octets. */
function element(bytes: Uint8Array, tag: number): { content: Uint8Array; rest: Uint8Array } | undefined {
  const [first, length = 0] = bytes
  if (first !== tag) return undefined
  if (length < 0x80) return cut(bytes, 2, length)
  const octets = length & 0x7f
  if (octets === 0 || octets > 2 || bytes.length < 2 + octets) return undefined
  const value = Number.parseInt(bytes.subarray(2, 2 + octets).toHex(), 16)
  return value >= (octets === 1 ? 0x80 : 0x100) ? cut(bytes, 2 + octets, value) : undefined
}

const cut = (bytes: Uint8Array, start: number, length: number) =>
  bytes.length < start + length
    ? undefined
    : { content: bytes.subarray(start, start + length), rest: bytes.subarray(start + length) }

/** X.690, 8.3.2: the fewest octets, and no sign. */
function isPositive(integer: Uint8Array): boolean {
  const [first, second = 0] = integer
  return first !== undefined && first < 0x80 && !(first === 0 && second < 0x80)
}

const startsWith = (bytes: Uint8Array, prefix: Uint8Array) => prefix.every((byte, i) => bytes[i] === byte)
