// SPDX-License-Identifier: Apache-2.0
// Which Ed25519 keys may vouch for anything. No node: imports: every verifier, the browser's too, holds to this one rule.

/** What an Ed25519 public key must be, whoever implements the curve: 32 bytes that are not a point of small order. */
export const isSoundPublicKey = (publicKey: Uint8Array): boolean => publicKey.length === 32 && !hasSmallOrder(publicKey)

// The y coordinates, little-endian, of the eight points of small order, with the two encodings of 0 and 1 that are
// not reduced modulo p (Cremers and Jackson, "Prime, Order Please!", 2019, table 2). The sign bit is masked off.
const smallOrderY = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
])

function hasSmallOrder(publicKey: Uint8Array): boolean {
  const y = new Uint8Array(publicKey)
  y[31] = (y[31] as number) & 0x7f
  return smallOrderY.has(y.toHex())
}
