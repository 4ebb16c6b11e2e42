// SPDX-License-Identifier: Apache-2.0

import { must } from './frame-errors.ts'
import { showComm } from './frame-text.ts'
import type { TaskRef } from './observation.ts'

export const refBytes = 32
/** Where the object of an event begins, and where it ends. */
export const objectAt = 96
export const eventBytes = 144

export function readRef(bytes: Buffer, at: number): TaskRef {
  mustBeZero(bytes, at + 12, at + 16)
  const comm = showComm(bytes.subarray(at + 16, at + refBytes))
  return { pid: bytes.readUInt32LE(at + 8), startNs: bytes.readBigUInt64LE(at), comm }
}

/** The texts that end a body; together they reach its last byte exactly. */
export function takeTexts(bytes: Buffer, from: number, lengths: readonly number[]): Buffer[] {
  const total = lengths.reduce((sum, length) => sum + length, from)
  must(total === bytes.length, 'FRAME_SIZE', { expected: total, bytes: bytes.length })
  let at = from
  return lengths.map((length) => {
    at += length
    return bytes.subarray(at - length, at)
  })
}

export function mustBeZero(bytes: Buffer, from: number, to: number): void {
  for (let at = from; at < to; at++) {
    if (bytes[at] !== 0) must(false, 'FRAME_VALUE', `reserved byte ${at} is ${bytes[at]}`)
  }
}
