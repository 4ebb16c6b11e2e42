// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Clock, systemClock } from './clock.ts'
import { deadline } from './deadline.ts'
import { rfc3339 } from './time.ts'

const second = 1_000_000_000n
const at = (seconds: number) => rfc3339(BigInt(seconds) * second)

/** Both clocks as they are set, in seconds. */
function clockAt(wall: number, steady: number): { clock: Clock; set: (wall: number, steady: number) => void } {
  const clock = {
    ...systemClock,
    nowNs: () => BigInt(wall) * second,
    monotonicNs: () => BigInt(steady) * second,
  }
  const set = (...now: [number, number]) => {
    ;[wall, steady] = now
  }
  return { clock, set }
}

test('a deadline has passed when either clock says so', () => {
  const { clock, set } = clockAt(1000, 5)
  const isOver = deadline(clock, at(1060), [])
  for (const [wall, steady, due] of [
    [1059, 64, false],
    [1060, 5, true],
    [1059, 65, true],
    [10, 64, false],
    [10, 65, true],
  ] as const) {
    set(wall, steady)
    assert.equal(isOver(), due, `${wall} ${steady}`)
  }
})

test('a deadline under a clock that is behind what was seen leaves what was left then', () => {
  const { clock, set } = clockAt(10, 0)
  const isOver = deadline(clock, at(1060), [at(1000), at(1040)])
  set(29, 19)
  assert.equal(isOver(), false)
  set(30, 20)
  assert.equal(isOver(), true)
})

test('what is out of form has passed', () => {
  assert.equal(deadline(clockAt(10, 0).clock, 'soon', [])(), true)
})
