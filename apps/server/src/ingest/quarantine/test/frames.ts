// SPDX-License-Identifier: Apache-2.0

import { sha256 } from '@sealwatch/ledger'

/** The frames of a segment, each with the hash of what it holds now: as whoever changes them on purpose leaves them. */
export function withHash(segment: Uint8Array): Uint8Array {
  const bytes = Buffer.from(segment)
  for (let at = 0; at < bytes.length; ) {
    const end = at + 68 + bytes.readUInt32BE(at)
    bytes.set(sha256(bytes.subarray(at + 68, end)), at + 36)
    at = end
  }
  return bytes
}
