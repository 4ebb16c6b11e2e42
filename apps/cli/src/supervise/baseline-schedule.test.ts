// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createLog, systemClock } from '@sealwatch/base'
import type { BaselineCheck } from '@sealwatch/contract'
import { fileOf, placeOf } from '../place.ts'
import { baselineEveryMs, createBaselineSchedule } from './baseline-schedule.ts'

const digest = 'a'.repeat(64)
const check: BaselineCheck = {
  ...{ beganMs: 1, endedMs: 2, digest, against: null, rows: 3, unread: 0 },
  ...{ added: 0, removed: 0, changed: 0, untold: 0, names: [] },
}

test('AGT-1 what a look found is told until it is sealed, and then is gone', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'sealwatch-schedule-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const place = placeOf(dir)
  const result = fileOf.baselineResult(place)
  mkdirSync(fileOf.baselineFolder(place))
  const stop = new AbortController()
  const told: BaselineCheck[] = []
  const log = createLog('test', () => undefined, systemClock.nowMs)
  let rounds = 0
  const clock = {
    ...systemClock,
    sleep: async () => {
      rounds += 1
      if (rounds === 1) writeFileSync(result, 'nothing of the kind')
      if (rounds === 2) writeFileSync(result, JSON.stringify(check))
      if (rounds === 4) schedule.sealed(digest, 1)
      if (rounds === 5) schedule.sealed(digest, check.endedMs)
      if (rounds === 8) stop.abort()
    },
  }
  const schedule = createBaselineSchedule({
    ...{ place, root: '/nowhere', env: {}, everyMs: 0, clock, log },
    tell: (one) => void told.push(one),
  })
  await schedule.run(stop.signal)
  assert.deepEqual(told, [check, check, check])
  assert.ok(!existsSync(result))
})

test('how often is a number of hours', () => {
  assert.equal(baselineEveryMs({}), 0)
  assert.equal(baselineEveryMs({ SEALWATCH_BASELINE_EVERY_HOURS: '24' }), 86_400_000)
  for (const wrong of ['daily', '-1', '9999', '1.5'])
    assert.throws(() => baselineEveryMs({ SEALWATCH_BASELINE_EVERY_HOURS: wrong }), /SEALWATCH_BASELINE_EVERY_HOURS/)
})
