// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLog, systemClock } from '@sealwatch/base'
import { createSenderConnections } from './sender-connections.ts'

test('ING a sender has so many connections, of which the newest count; others are not concerned', () => {
  const said: string[] = []
  const log = createLog('test', (line) => said.push(line), systemClock.nowMs)
  const senders = createSenderConnections(2, { ...systemClock, monotonicNs: () => 0n }, log)
  const connection = () => {
    const listeners: (() => void)[] = []
    const one = {
      isClosed: false,
      close: () => {
        one.isClosed = true
        for (const listener of listeners) listener()
      },
      onClose: (listener: () => void) => void listeners.push(listener),
    }
    return one
  }
  const all = Array.from({ length: 5 }, connection)
  const note = (sender: string, i: number) => senders.note(sender, all[i] as (typeof all)[number])
  const closed = () => all.map(({ isClosed }) => Number(isClosed)).join('')
  for (const one of [0, 0, 1, 0, 1]) note('host-1', one)
  note('host-2', 4)
  assert.equal(closed(), '00000', 'a connection counts once, however often it speaks')
  note('host-1', 2)
  assert.equal(closed(), '10000')
  all[1]?.close()
  note('host-1', 3)
  assert.deepEqual([closed(), senders.outnumbered, said.length], ['11000', 1, 1])
})

test('whoever comes with more and more of them closes one of its own a second, and the others wait', () => {
  let nowMs = 0
  const clock = { ...systemClock, monotonicNs: () => BigInt(nowMs) * 1_000_000n }
  const senders = createSenderConnections(
    2,
    clock,
    createLog('test', () => undefined, systemClock.nowMs),
  )
  const come = () => senders.note('host-1', { close: () => undefined, onClose: () => undefined })
  assert.deepEqual([come(), come(), come(), come(), come(), come()], [true, true, true, true, false, false])
  assert.equal(senders.note('host-2', { close: () => undefined, onClose: () => undefined }), true)
  nowMs += 1000
  assert.deepEqual([come(), come()], [true, false])
  assert.equal(senders.outnumbered, 3)
})
