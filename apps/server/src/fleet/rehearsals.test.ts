// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '@sealwatch/base'
import { createRehearsals } from './rehearsals.ts'

test('RIM-5 a host is told of the drills upon it alone, four at a time, and of none whose time is over', () => {
  let nowMs = Date.parse('2026-11-23T08:00:00Z')
  const told: string[] = []
  const rehearsals = createRehearsals({ ...systemClock, nowMs: () => nowMs }, (tenant) => void told.push(tenant))
  const process = { pid: 4242, start_ns: '1' }
  const until = new Date(nowMs + 300_000).toISOString()
  const drill = (id: string) => ({ id, name: id, decoy: process, runner: process, until, by: 'operator:root' })
  const here = { tenant: 'acme', hostId: 'a' }
  for (const id of ['1', '2', '3', '4', '4']) assert.ok(rehearsals.begin(here, drill(id)))
  assert.ok(!rehearsals.begin(here, drill('5')))
  assert.ok(rehearsals.begin({ tenant: 'acme', hostId: 'b' }, drill('5')))
  assert.ok(rehearsals.begin({ tenant: 'other', hostId: 'a' }, drill('1')))
  const ids = (tenant: string, hostId: string) => rehearsals.of(tenant, hostId).map(({ id }) => id)
  assert.deepEqual([ids('acme', 'a'), ids('acme', 'b'), ids('other', 'a')], [['1', '2', '3', '4'], ['5'], ['1']])
  told.length = 0
  rehearsals.end('acme', '1')
  rehearsals.end('acme', '1')
  assert.deepEqual([ids('acme', 'a'), ids('other', 'a'), told], [['2', '3', '4'], ['1'], ['acme']])
  nowMs += 300_000
  assert.deepEqual([ids('acme', 'a'), ids('other', 'a')], [[], []])
})
