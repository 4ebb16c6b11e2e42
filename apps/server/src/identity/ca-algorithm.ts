// SPDX-License-Identifier: Apache-2.0

import type { KeyObject } from 'node:crypto'

/** How the key of a CA signs certificates, for WebCrypto: as what it is imported, and with what it signs. */
export type CaAlgorithm = {
  readonly key: { readonly name: string; readonly namedCurve?: string; readonly hash?: string }
  readonly signature: { readonly name: string; readonly hash?: string }
}

const rsaBits = { min: 2048, max: 8192 } as const
export const caAlgorithmsAllowed = 'ECDSA on P-256 or P-384, Ed25519, or RSA of 2,048 to 8,192 bits'

const ecdsa = (namedCurve: string, hash: string): CaAlgorithm => ({
  key: { name: 'ECDSA', namedCurve },
  signature: { name: 'ECDSA', hash },
})
const curves: Readonly<Record<string, CaAlgorithm>> = {
  prime256v1: ecdsa('P-256', 'SHA-256'),
  secp384r1: ecdsa('P-384', 'SHA-384'),
}
const ed25519: CaAlgorithm = { key: { name: 'Ed25519' }, signature: { name: 'Ed25519' } }
const rsaSha256 = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' } as const

/** Undefined where it is none that a CA here may have. */
export function caAlgorithmOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): CaAlgorithm | undefined {
  if (asymmetricKeyType === 'ec') return curves[asymmetricKeyDetails?.namedCurve ?? '']
  if (asymmetricKeyType === 'ed25519') return ed25519
  const bits = asymmetricKeyDetails?.modulusLength ?? 0
  const isRsa = asymmetricKeyType === 'rsa' && bits >= rsaBits.min && bits <= rsaBits.max
  return isRsa ? { key: rsaSha256, signature: rsaSha256 } : undefined
}

/** For people: what it is. */
export const keyName = ({ asymmetricKeyType, asymmetricKeyDetails: details }: KeyObject): string =>
  [asymmetricKeyType, details?.namedCurve ?? details?.modulusLength].filter((part) => part !== undefined).join(' ')
