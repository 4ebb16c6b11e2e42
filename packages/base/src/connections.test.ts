// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import type { Server } from 'node:net'
import { test } from 'node:test'
import { systemClock } from './clock.ts'
import { limitConnections } from './connections.ts'
import { createLog } from './log.ts'

/** A port at which connections of any address come, at times that the test says. */
function port(atOnceMax: number) {
  let nowMs = 0
  const said: { msg: string; address: string; setting: string }[] = []
  const server = new EventEmitter()
  const counted = limitConnections(server as Server, {
    ...{ name: 'the test', atOnceMax, setting: 'MORE', isExempt: (address: string) => address === '10.9.9.9' },
    clock: { ...systemClock, monotonicNs: () => BigInt(nowMs) * 1_000_000n },
    log: createLog(
      'test',
      (line) => said.push(JSON.parse(line)),
      () => nowMs,
    ),
  })
  return {
    said,
    counted,
    pass: (ms: number) => {
      nowMs += ms
    },
    come: (remoteAddress: string) => {
      const socket = Object.assign(new EventEmitter(), { remoteAddress, isCut: false, destroy: () => undefined })
      socket.destroy = () => {
        socket.isCut = true
      }
      server.emit('connection', socket)
      return socket
    },
  }
}

test('ING an address has so many connections; those beyond are cut and counted, and the log names the setting once', () => {
  const { come, said, counted, pass } = port(3)
  const held = Array.from({ length: 3 }, () => come('10.0.0.1'))
  assert.ok(come('::ffff:10.0.0.1').isCut && come('10.0.0.1').isCut)
  assert.ok(!come('10.0.0.2').isCut)
  assert.ok(Array.from({ length: 9 }, () => come('10.9.9.9')).every(({ isCut }) => !isCut))
  assert.deepEqual([held.filter(({ isCut }) => isCut).length, counted.refused], [0, 2])
  const [one] = said.map(({ msg, address, setting }) => ({ msg, address, setting }))
  assert.equal(said.length, 1)
  assert.deepEqual(one, {
    ...{ msg: 'an address has all the connections that it may have', address: '10.0.0.1', setting: 'MORE' },
  })
  pass(60_000)
  assert.ok(come('10.0.0.1').isCut)
  assert.equal(said.length, 2)
  held[0]?.emit('close')
  assert.ok(!come('10.0.0.1').isCut)
})

test('whoever closes and comes again has no more handshakes for it', () => {
  const { come, pass } = port(32)
  const churned = Array.from({ length: 100 }, () => {
    const socket = come('2001:db8::1')
    socket.emit('close')
    return socket.isCut
  })
  assert.equal(churned.filter((isCut) => !isCut).length, 64)
  assert.ok(come('2001:db8::2').isCut, 'another one of its /64')
  pass(1000)
  assert.deepEqual(
    [come('2001:db8::1').isCut, come('2001:db8::1').isCut, come('2001:db8::1').isCut],
    [false, false, true],
  )
})
