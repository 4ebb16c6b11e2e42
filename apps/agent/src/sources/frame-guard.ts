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

const [dumpable, preloaded] = [1, 2]

export function readExamined(bytes: Buffer, at: number) {
  const [tracer = 0, holder = 0, port = 0, how = 0] = [0, 4, 12, 24].map((from) => bytes.readUInt32LE(at + from))
  must(port <= 0xffff && how <= (dumpable | preloaded), 'FRAME_VALUE', { port, how })
  mustBeZero(bytes, at + 28, eventBytes)
  return {
    ...(tracer !== 0 && { tracer }),
    ...(holder !== 0 && { holder }),
    ...(port !== 0 && { port }),
    core: bytes.readBigUInt64LE(at + 16),
    isDumpable: (how & dumpable) !== 0,
    isPreloaded: (how & preloaded) !== 0,
  }
}
