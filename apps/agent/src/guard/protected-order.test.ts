// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { programHash } from '../sources/sensor-order.ts'
import { protectedLimits, protectedOrder } from './protected-order.ts'

const secret = { seed: 7n, factor: 0x9e37_79b9_7f4a_7c15n }

test('RIM-1 an order names processes by pid, the younger of two of one number, and programs by hashes that rise', () => {
  const processes = [
    { pid: 900, startNs: 20n },
    { pid: 31, startNs: 7n },
    { pid: 900, startNs: 10n },
  ]
  const bytes = protectedOrder({ processes, images: ['/usr/bin/node', '/bin/b', '/bin/b'] }, 5, 30, secret)
  assert.equal(bytes.readUInt32LE(0), bytes.length - 4)
  assert.deepEqual([bytes[4], bytes.readUInt32LE(8), bytes.readUInt32LE(12)], [1, 5, 30])
  assert.deepEqual([bytes.readUInt32LE(20), bytes.readUInt32LE(24)], [2, 2])
  assert.deepEqual([bytes.readBigUInt64LE(28), bytes.readBigUInt64LE(36)], [secret.seed, secret.factor])
  const rows = [52, 68].map((at) => [
    bytes.readBigUInt64LE(at),
    bytes.readUInt32LE(at + 8),
    bytes.readUInt32LE(at + 12),
  ])
  assert.deepEqual(rows, [
    [7n, 31, 0],
    [20n, 900, 0],
  ])
  const hashes = ['/usr/bin/node', '/bin/b'].map((path) => programHash(path, secret)).sort((a, b) => (a < b ? -1 : 1))
  assert.deepEqual([bytes.readBigUInt64LE(84), bytes.readBigUInt64LE(92)], hashes)
  assert.deepEqual([bytes.readUInt32LE(44), bytes.length], [0, 100])
})

test('RIM-1 more than the sensor takes is refused before it is said', () => {
  const processes = Array.from({ length: protectedLimits.processesMax + 1 }, (_, i) => ({ pid: i + 1, startNs: 0n }))
  const of = (table: object) => () => protectedOrder({ processes: [], images: [], ...table }, 1, 30, secret)
  const error = { code: 'PROTECTED_TOO_MANY' }
  assert.throws(of({ processes }), error)
  assert.throws(of({ images: Array.from({ length: protectedLimits.imagesMax + 1 }, (_, i) => `/bin/${i}`) }), error)
  assert.throws(of({ images: [`/${'x'.repeat(511)}`] }), error)
  assert.equal(
    of({ processes: processes.slice(1), images: [`/${'x'.repeat(510)}`] })().length,
    4 + 16 + 32 + 4_096 * 16 + 8,
  )
})

test('RIM-1 what is denied names entries by number, and whom it is not denied; what could let nobody is left out', () => {
  const processes = [
    { pid: 31, startNs: 7n, name: 'vault' },
    { pid: 32, startNs: 7n, name: 'mint' },
    { pid: 33, startNs: 7n },
  ]
  const untilNs = 99n
  const allow = [
    { exe: '/usr/bin/gdb', target: 'mint', untilNs },
    { uid: 0, untilNs },
    { exe: `/${'x'.repeat(511)}`, untilNs },
    { uid: 5, target: 'nobody-has-it', untilNs },
  ]
  const bytes = protectedOrder({ processes, images: [], prevention: { allow } }, 5, 30, secret)
  assert.deepEqual([bytes.readUInt32LE(44), bytes.readUInt32LE(48), bytes.length], [2, 0, 52 + 3 * 16 + 2 * 24])
  const flags = [52, 68, 84].map((at) => bytes.readUInt32LE(at + 12))
  assert.deepEqual(flags, [0b110, 0b1010, 0], 'who is of no entry is only looked at')
  const lets = [100, 124].map((at) => [
    ...[bytes.readBigUInt64LE(at), bytes.readBigUInt64LE(at + 8)],
    ...[bytes.readUInt32LE(at + 16), bytes.readUInt32LE(at + 20)],
  ])
  assert.deepEqual(lets, [
    [untilNs, programHash('/usr/bin/gdb', secret), 0xffff_ffff, 2],
    [untilNs, 0n, 0, 0],
  ])
})
