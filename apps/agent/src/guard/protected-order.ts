// SPDX-License-Identifier: Apache-2.0
// What the guard tells the sensor of whom it protects (docs/formats/frame.md, 12.5), with its length before it.

import { type ErrorTable, errorsOf } from '@sealwatch/base'
import { orderKinds, programHash, sensorOrder, type TableSecret, tableAt } from '../sources/sensor-order.ts'

/** As the initial pid namespace numbers it. Of its start 10 ms count, for /proc tells no more. */
export type ProtectedProcess = {
  readonly pid: number
  readonly startNs: bigint
  /** Of its entry; absent: it is not protected, and only to be looked at. */
  readonly name?: string
  /** The guard wants to know how it is. */
  readonly isToBeExamined?: boolean
}

/** Whom it is not denied; `untilNs`: CLOCK_BOOTTIME. What is left out is any. */
export type Let = {
  readonly exe?: string
  readonly uid?: number
  readonly target?: string
  readonly untilNs: bigint
}
/** That the kernel refuses whoever reaches into these processes, and is not let. */
export type Prevention = { readonly allow: readonly Let[] }

export type ProtectedTable = {
  readonly processes: readonly ProtectedProcess[]
  /** Paths of programs whose every start is told, as `Task.exe` has them. */
  readonly images: readonly string[]
  /** Absent: nothing is denied. */
  readonly prevention?: Prevention
}

/** `secondsMax`: how long the sensor goes on without another order. A path has fewer bytes than `imageBytes`. */
export const protectedLimits = {
  processesMax: 4_096,
  imagesMax: 256,
  imageBytes: 512,
  allowancesMax: 256,
  secondsMax: 600,
} as const

export const protectedOrderErrors = {
  PROTECTED_TOO_MANY: {
    kind: 'exhausted',
    rule: 'the sensor protects at most 4096 processes and 256 programs, whose paths have fewer than 512 bytes',
    advice:
      'Name fewer, or by what tells them apart better than their program: a unit, a pid file, or register themselves',
  },
} as const satisfies ErrorTable

const protectedOrderError = errorsOf(protectedOrderErrors)

const headBytes = 32
const processBytes = 16
const hashBytes = 8
/** Flags of a process; above them stands the number of its entry. */
const flags = { examine: 1, prevent: 2 } as const
const entryFrom = 4
const letBytes = 24
const anyUser = 0xffff_ffff

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
  const names = [...new Set(processes.flatMap(({ name }) => name ?? []))]
  const numberOf = (name: string | undefined) => (name === undefined ? 0 : names.indexOf(name) + 1)
  const flagsOf = ({ isToBeExamined, name }: ProtectedProcess) =>
    (isToBeExamined === true ? flags.examine : 0) +
    (table.prevention === undefined || name === undefined ? 0 : flags.prevent + entryFrom * numberOf(name))
  const lets = letsOf(table.prevention, numberOf)
  const more = headBytes + processes.length * processBytes + hashes.length * hashBytes + lets.length * letBytes
  const bytes = sensorOrder(orderKinds.table, number, seconds, more)
  bytes.writeUInt32LE(processes.length, tableAt)
  bytes.writeUInt32LE(hashes.length, tableAt + 4)
  bytes.writeBigUInt64LE(secret.seed, tableAt + 8)
  bytes.writeBigUInt64LE(secret.factor, tableAt + 16)
  bytes.writeUInt32LE(lets.length, tableAt + 24)
  let at = tableAt + headBytes
  for (const process of processes) {
    bytes.writeBigUInt64LE(process.startNs, at)
    bytes.writeUInt32LE(process.pid, at + 8)
    bytes.writeUInt32LE(flagsOf(process), at + 12)
    at += processBytes
  }
  for (const hash of hashes) at = bytes.writeBigUInt64LE(hash, at)
  for (const { exe, uid, target, untilNs } of lets) {
    at = bytes.writeBigUInt64LE(untilNs, at)
    at = bytes.writeBigUInt64LE(exe === undefined ? 0n : programHash(exe, secret), at)
    at = bytes.writeUInt32LE(uid ?? anyUser, at)
    at = bytes.writeUInt32LE(numberOf(target), at)
  }
  return bytes
}

/** One for a program that no path can be told of, or for an entry that nobody has, lets nobody. */
const letsOf = (prevention: Prevention | undefined, numberOf: (name: string | undefined) => number): readonly Let[] =>
  (prevention?.allow ?? [])
    .filter(
      ({ exe = '', target }) =>
        Buffer.byteLength(exe) < protectedLimits.imageBytes && (target === undefined || numberOf(target) > 0),
    )
    .slice(0, protectedLimits.allowancesMax)

function byPid(processes: readonly ProtectedProcess[]): ProtectedProcess[] {
  const rising = [...processes].sort((a, b) => a.pid - b.pid || (a.startNs < b.startNs ? -1 : 1))
  return rising.filter(({ pid }, i) => rising[i + 1]?.pid !== pid)
}
