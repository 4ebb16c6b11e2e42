// SPDX-License-Identifier: Apache-2.0

import { saltBytes, sealedExtraBytes } from './envelope.ts'
import { sealingError } from './errors.ts'
import { subjectIdBytes } from './subject-keys.ts'

/** The first byte of what is sealed (sealing.md, 4). */
export const layouts = { first: 1, value: 2, personal: 3 } as const

const headBytes = 1 + 4
const lengthBytes = 4

/** layout (1), epoch (4), salt (32), then what the layout holds; numbers are big-endian. */
export function headOf(layout: number, epoch: number, salt: Uint8Array): Uint8Array {
  const head = Buffer.alloc(headBytes + saltBytes)
  head.writeUInt8(layout)
  head.writeUInt32BE(epoch, 1)
  head.set(salt, headBytes)
  return head
}

export type Head = { readonly epoch: number; readonly salt: Uint8Array; readonly rest: Uint8Array }

/** Throws SEALED_UNREADABLE. */
export function readHead(layout: number, sealed: Uint8Array, place: string): Head {
  const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength)
  if (sealed[0] !== layout || sealed.length < headBytes + saltBytes) throw unreadable(place, `layout ${sealed[0]}`)
  const rest = bytes.subarray(headBytes + saltBytes)
  return { epoch: bytes.readUInt32BE(1), salt: bytes.subarray(headBytes, headBytes + saltBytes), rest }
}

/** id of the key (8), length of the sealed value (4), sealed value. */
export type Part = { readonly id: string; readonly sealed: Uint8Array }

export function partOf(id: string, sealed: Uint8Array): Uint8Array {
  const part = Buffer.alloc(subjectIdBytes + lengthBytes + sealed.length)
  part.write(id, 'hex')
  part.writeUInt32BE(sealed.length, subjectIdBytes)
  part.set(sealed, subjectIdBytes + lengthBytes)
  return part
}

/** Throws SEALED_UNREADABLE for anything but whole parts, at least one. */
export function readParts(rest: Uint8Array, place: string): Part[] {
  const bytes = Buffer.from(rest.buffer, rest.byteOffset, rest.byteLength)
  const parts: Part[] = []
  for (let at = 0; at < bytes.length || parts.length === 0; ) {
    const from = at + subjectIdBytes + lengthBytes
    const length = from <= bytes.length ? bytes.readUInt32BE(at + subjectIdBytes) : 0
    if (length < sealedExtraBytes || from + length > bytes.length) throw unreadable(place, `a part at byte ${at}`)
    parts.push({
      id: bytes.toString('hex', at, at + subjectIdBytes),
      sealed: bytes.subarray(from, from + length),
    })
    at = from + length
  }
  return parts
}

export const unreadable = (place: string, received: string) =>
  sealingError('SEALED_UNREADABLE', { attempted: `opening the sealed value of ${place}`, received })
