// SPDX-License-Identifier: Apache-2.0

import { must } from './frame-errors.ts'
import { mustBeZero } from './frame-fields.ts'
import { executableWays } from './observation.ts'

const protExec = 4

/** The object of an executable frame (frame.md, 5.11). */
export function readExecutable(bytes: Buffer, at: number) {
  const protection = bytes.readUInt32LE(at + 16)
  const way = executableWays[bytes.readUInt32LE(at + 20) - 1]
  must(way !== undefined && (protection & protExec) !== 0, 'FRAME_VALUE', { protection, way })
  mustBeZero(bytes, at + 24, at + 48)
  return { way, address: bytes.readBigUInt64LE(at), length: bytes.readBigUInt64LE(at + 8), protection }
}
