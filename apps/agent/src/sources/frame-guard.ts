// SPDX-License-Identifier: Apache-2.0
// What the sensor tells the guard alone (docs/formats/frame.md, 12.3).

import { must } from './frame-errors.ts'
import { eventBytes, mustBeZero } from './frame-fields.ts'
import { type Weakening, weakenings } from './observation.ts'

export function readWeakened(bytes: Buffer, at: number): { what: Weakening; value: bigint } {
  const what = weakenings[bytes.readUInt32LE(at) - 1]
  must(what !== undefined, 'FRAME_VALUE', { weakened: bytes.readUInt32LE(at) })
  mustBeZero(bytes, at + 4, at + 8)
  mustBeZero(bytes, at + 16, eventBytes)
  return { what, value: bytes.readBigUInt64LE(at + 8) }
}

export function readFrozen(bytes: Buffer, at: number): { cgroupId: bigint; frozen: boolean } {
  const cgroupId = bytes.readBigUInt64LE(at)
  const frozen = bytes.readUInt32LE(at + 8)
  must(cgroupId > 0n && frozen <= 1, 'FRAME_VALUE', { cgroupId, frozen })
  mustBeZero(bytes, at + 12, eventBytes)
  return { cgroupId, frozen: frozen === 1 }
}
