// SPDX-License-Identifier: Apache-2.0

/** A field of a protobuf message, in pieces, so that whoever put bytes in can find them again. */
export type Wire = { readonly bytes: number; readonly pieces: readonly Uint8Array[] }

const [VARINT, LENGTH, FOUR_BYTES] = [0, 2, 5] as const

const varint = (value: number): number[] =>
  value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))]

const wireOf = (...pieces: readonly Uint8Array[]): Wire => ({
  bytes: pieces.reduce((sum, piece) => sum + piece.length, 0),
  pieces,
})

export const number = (field: number, value: number): Wire =>
  wireOf(Uint8Array.from([...varint(field * 8 + VARINT), ...varint(value)]))

export function real(field: number, value: number): Wire {
  const bytes = Uint8Array.from([...varint(field * 8 + FOUR_BYTES), 0, 0, 0, 0])
  new DataView(bytes.buffer).setFloat32(bytes.length - 4, value, true)
  return wireOf(bytes)
}

export const packed = (field: number, bytes: Uint8Array): Wire =>
  wireOf(Uint8Array.from([...varint(field * 8 + LENGTH), ...varint(bytes.length)]), bytes)

export const text = (field: number, value: string): Wire => packed(field, Buffer.from(value))

export function message(field: number, parts: readonly Wire[]): Wire {
  const bytes = parts.reduce((sum, part) => sum + part.bytes, 0)
  const head = Uint8Array.from([...varint(field * 8 + LENGTH), ...varint(bytes)])
  return wireOf(head, ...parts.flatMap((part) => part.pieces))
}
