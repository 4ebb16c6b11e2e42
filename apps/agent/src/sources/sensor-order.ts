// SPDX-License-Identifier: Apache-2.0
// What agent and guard tell the sensor, each with its length before it (docs/formats/frame.md, 10 to 12).

const prefixBytes = 4
const orderBytes = 16
/** Where the table of an order begins, behind its length. */
export const tableAt = prefixBytes + orderBytes
export const orderKinds = { table: 1, hold: 2, lift: 3 } as const

export const low64 = (number: bigint): bigint => BigInt.asUintN(64, number)

/** Of a table: what its hashes of programs are made with, so that nobody can look for two that are equal. */
export type TableSecret = { readonly seed: bigint; readonly factor: bigint }

/** As policy.bpf.h does it: over the path in words of eight bytes, little-endian, the last filled up with zeros. */
export function programHash(path: string, { seed, factor }: TableSecret): bigint {
  const bytes = Buffer.from(path)
  const padded = Buffer.alloc(Math.ceil(bytes.length / 8) * 8)
  bytes.copy(padded)
  let hash = seed
  for (let at = 0; at < padded.length; at += 8) {
    hash = low64((hash ^ padded.readBigUInt64LE(at)) * factor)
    hash ^= hash >> 32n
  }
  return hash
}

/** An order with room for a table of so many bytes. */
export function sensorOrder(kind: number, number: number, seconds: number, tableBytes = 0): Buffer {
  const bytes = Buffer.alloc(tableAt + tableBytes)
  bytes.writeUInt32LE(orderBytes + tableBytes, 0)
  bytes.writeUInt8(kind, prefixBytes)
  bytes.writeUInt32LE(number, prefixBytes + 4)
  bytes.writeUInt32LE(seconds, prefixBytes + 8)
  return bytes
}

export const holdOrder = (number: number, seconds: number): Buffer => sensorOrder(orderKinds.hold, number, seconds)
export const liftOrder = (): Buffer => sensorOrder(orderKinds.lift, 0, 0)
