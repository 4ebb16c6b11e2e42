// SPDX-License-Identifier: Apache-2.0

import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'

/** The key of a TLS client certificate; a new one for each certificate. */
export const newTlsKey = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey

// DER (X.690, 10) of the few types a request needs. A whole X.509 library would cost whoever asks 25 MB of memory.
const tags = { integer: 0x02, bitString: 0x03, sequence: 0x30, attributes: 0xa0 } as const

function der(tag: number, ...parts: Uint8Array[]): Buffer {
  const content = Buffer.concat(parts)
  const { length } = content
  const lengthBytes = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Uint8Array.of(tag, ...lengthBytes), content])
}

const ecdsaWithSha256 = Buffer.from('300a06082a8648ce3d040302', 'hex') // RFC 5758, 3.2

/** PKCS#10 (RFC 2986, 4) in DER, without a subject: the server alone decides whom the certificate names. */
export function certificateRequest(key: KeyObject): Uint8Array {
  const version = der(tags.integer, Uint8Array.of(0))
  const subject = der(tags.sequence)
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'der' })
  const info = der(tags.sequence, version, subject, publicKey, der(tags.attributes))
  const signature = der(tags.bitString, Uint8Array.of(0), sign('sha256', info, key))
  return der(tags.sequence, info, ecdsaWithSha256, signature)
}
