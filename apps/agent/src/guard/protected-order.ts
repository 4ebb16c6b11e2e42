// SPDX-License-Identifier: Apache-2.0
// What the guard tells the sensor of whom it protects (docs/formats/frame.md, 12.5), with its length before it.

import { type ErrorTable, errorsOf } from '@sealwatch/base'
import { orderKinds, programHash, sensorOrder, type TableSecret, tableAt } from '../sources/sensor-order.ts'

/** As the initial pid namespace numbers it. Of its start 10 ms count, for /proc tells no more. */
export type ProtectedProcess = { readonly pid: number; readonly startNs: bigint }

export type ProtectedTable = {
  readonly processes: readonly ProtectedProcess[]
  /** Paths of programs whose every start is told, as `Task.exe` has them. */
  readonly images: readonly string[]
}

/** `secondsMax`: how long the sensor goes on without another order. A path has fewer bytes than `imageBytes`. */
export const protectedLimits = { processesMax: 4_096, imagesMax: 256, imageBytes: 512, secondsMax: 600 } as const

export const protectedOrderErrors = {
  PROTECTED_TOO_MANY: {
    kind: 'exhausted',
    rule: 'the sensor protects at most 4096 processes and 256 programs, whose paths have fewer than 512 bytes',
    advice:
      'Name fewer, or by what tells them apart better than their program: a unit, a pid file, or register themselves',
  },
} as const satisfies ErrorTable

const protectedOrderError = errorsOf(protectedOrderErrors)

const headBytes = 24
const processBytes = 16
const hashBytes = 8

/** The table holds from now on, for so many seconds, in the place of the one before. Of two processes of one pid the younger counts. */
export function protectedOrder(table: ProtectedTable, number: number, seconds: number, secret: TableSecret): Buffer {
  const processes = byPid(table.processes)
  const images = [...new Set(table.images)]
  const isWithin =
    processes.length <= protectedLimits.processesMax &&
    images.length <= protectedLimits.imagesMax &&
    images.every((path) => Buffer.byteLength(path) < protectedLimits.imageBytes)
  if (!isWithin) {
    const received = { processes: processes.length, images: images.length }
    throw protectedOrderError('PROTECTED_TOO_MANY', { attempted: 'telling the sensor whom to protect', received })
  }
  const hashes = [...new Set(images.map((path) => programHash(path, secret)))].sort((a, b) => (a < b ? -1 : 1))
  const more = headBytes + processes.length * processBytes + hashes.length * hashBytes
  const bytes = sensorOrder(orderKinds.table, number, seconds, more)
  bytes.writeUInt32LE(processes.length, tableAt)
  bytes.writeUInt32LE(hashes.length, tableAt + 4)
  bytes.writeBigUInt64LE(secret.seed, tableAt + 8)
  bytes.writeBigUInt64LE(secret.factor, tableAt + 16)
  let at = tableAt + headBytes
  for (const { pid, startNs } of processes) {
    bytes.writeBigUInt64LE(startNs, at)
    bytes.writeUInt32LE(pid, at + 8)
    at += processBytes
  }
  for (const hash of hashes) at = bytes.writeBigUInt64LE(hash, at)
  return bytes
}

function byPid(processes: readonly ProtectedProcess[]): ProtectedProcess[] {
  const rising = [...processes].sort((a, b) => a.pid - b.pid || (a.startNs < b.startNs ? -1 : 1))
  return rising.filter(({ pid }, i) => rising[i + 1]?.pid !== pid)
}
