// SPDX-License-Identifier: Apache-2.0
// What the agent tells the sensor of network policies (docs/formats/frame.md, 10), with its length before it.

import { type NetworkTable, type TableRow, tableThings } from '@sealwatch/detect/policy'

const words = 4
const wordBits = 64n
const policiesMax = 16
const thingsMax = 8
const orderBytes = 16
const rulesBytes = 8 * words
const headBytes = 24 + 8 * thingsMax + rulesBytes * (policiesMax + 1)
const rowBytes = 16 + rulesBytes
const kinds = { table: 1, hold: 2, lift: 3 } as const

/** Of a table: what its hashes of programs are made with, so that nobody can look for two that are equal. */
export type TableSecret = { readonly seed: bigint; readonly factor: bigint }

const low64 = (number: bigint) => BigInt.asUintN(64, number)

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

/** Beyond the numbers of all other things: of programs that can be told. */
const told = 1n << 64n

function programRows({ programs }: NetworkTable, secret: TableSecret): readonly TableRow[] {
  const { named, others, unknown } = programs
  if (named.size === 0 && others === unknown) return [{ from: 0n, rules: others }]
  const rows = new Map([
    [0n, unknown],
    [told, others],
  ])
  const hashes = [...named].map(([path, rules]) => [told | programHash(path, secret), rules] as const)
  for (const [hash] of hashes) rows.set(hash + 1n, others)
  for (const [hash, rules] of hashes) rows.set(hash, rules)
  return [...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([from, rules]) => ({ from, rules }))
}

function order(kind: keyof typeof kinds, number: number, seconds: number, more = 0): Buffer {
  const bytes = Buffer.alloc(4 + orderBytes + more)
  bytes.writeUInt32LE(orderBytes + more, 0)
  bytes.writeUInt8(kinds[kind], 4)
  bytes.writeUInt32LE(number, 8)
  bytes.writeUInt32LE(seconds, 12)
  return bytes
}

/** The table is followed from now on, for so many seconds. */
export function tableOrder(table: NetworkTable, number: number, seconds: number, secret: TableSecret): Buffer {
  const things = tableThings.map((thing) => (thing === 'program' ? programRows(table, secret) : table.rows[thing]))
  const rows = things.flat()
  const bytes = order('table', number, seconds, headBytes + rows.length * rowBytes)
  let at = 4 + orderBytes
  const put32 = (value: number) => {
    at = bytes.writeUInt32LE(value, at)
  }
  const put64 = (value: bigint) => {
    at = bytes.writeBigUInt64LE(low64(value), at)
  }
  const putRules = (rules: bigint) => {
    for (let word = 0n; word < words; word++) put64(rules >> (word * wordBits))
  }
  put32(number)
  put32(table.policies.length)
  put64(secret.seed)
  put64(secret.factor)
  let first = 0
  for (let thing = 0; thing < thingsMax; thing++) {
    const count = things[thing]?.length ?? 0
    put32(count === 0 ? 0 : first)
    put32(count)
    first += count
  }
  for (let policy = 0; policy < policiesMax; policy++) putRules(table.policies[policy] ?? 0n)
  putRules(table.rules.reduce((bits, { denies }, bit) => (denies ? bits | (1n << BigInt(bit)) : bits), 0n))
  for (const { from, rules } of rows) {
    put64(from >> 64n)
    put64(from)
    putRules(rules)
  }
  return bytes
}

export const holdOrder = (number: number, seconds: number): Buffer => order('hold', number, seconds)
export const liftOrder = (): Buffer => order('lift', 0, 0)
