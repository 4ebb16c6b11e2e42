// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Allowance, guardOrdersOf } from '@sealwatch/contract/guard-config'
import { preventionOf } from './prevention.ts'

const nowMs = Date.parse('2026-11-23T12:00:00Z')
const at = { nowMs, bootNs: 5_000_000_000n }
const accounts = new Map([
  [0, 'root'],
  [1000, 'ada'],
  [1001, 'ada'],
])
const given = { id: 'a', until: '2026-11-23T12:00:10Z', by: 'usr_1', why: 'a crash is looked into' }
const lets = (...allow: Allowance[]) =>
  preventionOf(guardOrdersOf({ prevent: 'on', allow }), at, accounts)?.allow.map(({ untilNs, ...one }) => [
    one,
    untilNs,
  ])

test('RIM-5 an allowance is one by numbers, and ends by the time that runs on', () => {
  assert.deepEqual(lets({ ...given, exe: '/usr/bin/gdb', target: 'vault' }), [
    [{ exe: '/usr/bin/gdb', target: 'vault' }, 15_000_000_000n],
  ])
  assert.deepEqual(lets({ ...given, uid: 7 }), [[{ uid: 7 }, 15_000_000_000n]])
  assert.deepEqual(
    lets({ ...given, user: 'ada' })?.map(([one]) => one),
    [{ uid: 1000 }, { uid: 1001 }],
  )
  assert.deepEqual(
    lets({ ...given, user: 'ada', uid: 1001, exe: '/usr/bin/gdb' })?.map(([one]) => one),
    [{ exe: '/usr/bin/gdb', uid: 1001 }],
  )
})

test('RIM-5 an account that is not here, a number that is another’s, and what is over let nobody', () => {
  const { until, ...rest } = given
  for (const one of [
    { ...given, user: 'nobody-here' },
    { ...given, user: 'ada', uid: 0 },
    { ...rest, until: '2026-11-23T12:00:00Z', uid: 0 },
    given,
  ])
    assert.deepEqual(lets(one), [], JSON.stringify([one, until]))
})

test('RIM-5 nothing is refused where the guard is not on, or is not to prevent', () => {
  for (const config of [
    {},
    { prevent: 'dry-run' },
    { prevent: 'on', mode: 'observe' },
    { prevent: 'on', mode: 'off' },
  ] as const)
    assert.equal(preventionOf(guardOrdersOf(config), at, accounts), undefined)
})
