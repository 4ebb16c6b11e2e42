// SPDX-License-Identifier: Apache-2.0
// What the agent tells the sensor of policies (docs/formats/frame.md, 10 and 11), with its length before it.

import { fileReaches } from '@sealwatch/contract/policy-values'
import { type FileTable, fileWays, type NetworkTable, type TableRow, tableThings } from '@sealwatch/detect/policy'
import { low64, orderKinds, programHash, sensorOrder, type TableSecret, tableAt } from '../sources/sensor-order.ts'

const words = 4
const wordBits = 64n
const policiesMax = 16
const thingsMax = 8
const rulesBytes = 8 * words
const headBytes = 24 + 8 * thingsMax + rulesBytes * (policiesMax + 1)
const rowBytes = 16 + rulesBytes
/** Added to the kind of an order that is about files and programs. */
const ofFiles = 3
const fileHeadBytes = 24 + rulesBytes * (policiesMax + 3 + fileWays.length)
const fileRowBytes = 8 + rulesBytes

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

/** Writes behind the order's own bytes. */
function writerOf(bytes: Buffer) {
  let at = tableAt
  const put32 = (value: number) => {
    at = bytes.writeUInt32LE(value, at)
  }
  const put64 = (value: bigint) => {
    at = bytes.writeBigUInt64LE(low64(value), at)
  }
  const putRules = (rules: bigint) => {
    for (let word = 0n; word < words; word++) put64(rules >> (word * wordBits))
  }
  const putText = (text: Uint8Array) => {
    bytes.set(text, at)
    at += text.length
  }
  return { put32, put64, putRules, putText }
}

const denyingOf = ({ rules }: { readonly rules: readonly { readonly denies: boolean }[] }) =>
  rules.reduce((bits, { denies }, bit) => (denies ? bits | (1n << BigInt(bit)) : bits), 0n)

/** The table is followed from now on, for so many seconds. */
export function tableOrder(table: NetworkTable, number: number, seconds: number, secret: TableSecret): Buffer {
  const things = tableThings.map((thing) => (thing === 'program' ? programRows(table, secret) : table.rows[thing]))
  const rows = things.flat()
  const bytes = sensorOrder(orderKinds.table, number, seconds, headBytes + rows.length * rowBytes)
  const { put32, put64, putRules } = writerOf(bytes)
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
  putRules(denyingOf(table))
  for (const { from, rules } of rows) {
    put64(from >> 64n)
    put64(from)
    putRules(rules)
  }
  return bytes
}

/** The same of files and programs. */
export function fileTableOrder(table: FileTable, number: number, seconds: number): Buffer {
  const { paths, programs, users } = table
  const rows = [
    ...paths.map(({ path, reach, rules }) => ({ text: Buffer.from(path), reach: fileReaches.indexOf(reach), rules })),
    ...[...programs.named].map(([path, rules]) => ({ text: Buffer.from(path), reach: 0, rules })),
  ]
  const textBytes = rows.reduce((sum, { text }) => sum + text.length, 0)
  const more = fileHeadBytes + (rows.length + users.length) * fileRowBytes + textBytes
  const bytes = sensorOrder(orderKinds.table + ofFiles, number, seconds, more)
  const { put32, putRules, putText } = writerOf(bytes)
  for (const count of [number, table.policies.length, paths.length, programs.named.size, users.length, textBytes])
    put32(count)
  for (let policy = 0; policy < policiesMax; policy++) putRules(table.policies[policy] ?? 0n)
  const ways = fileWays.map((way) => table.ways[way])
  for (const rules of [denyingOf(table), ...ways, programs.others, programs.unknown]) putRules(rules)
  for (const { text, reach, rules } of rows) {
    put32(text.length)
    put32(reach)
    putRules(rules)
  }
  for (const { from, rules } of users) {
    put32(from)
    put32(0)
    putRules(rules)
  }
  for (const { text } of rows) putText(text)
  return bytes
}

export const fileHoldOrder = (number: number, seconds: number): Buffer =>
  sensorOrder(orderKinds.hold + ofFiles, number, seconds)
export const fileLiftOrder = (): Buffer => sensorOrder(orderKinds.lift + ofFiles, 0, 0)
