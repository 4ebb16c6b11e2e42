// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import process from 'node:process'
import { test } from 'node:test'
import { crash } from './crash.ts'
import { whyNot } from './platform.ts'

const seed = Number(process.env.SEALWATCH_SEED ?? Math.floor(Math.random() * 2 ** 31))

test('LOG-6 AGT-8 ING-8 nothing acknowledged is lost, whatever is killed', { skip: whyNot() ?? false }, async (t) => {
  t.diagnostic(`seed ${seed}; SEALWATCH_SEED=${seed} repeats the schedule`)
  const report = await crash({ seed, kills: 10, parts: ['server', 'agent', 'sensor'] })
  t.diagnostic(JSON.stringify({ ...report, violations: report.violations.length }))
  assert.deepEqual(report.violations.slice(0, 20), [])
  assert.ok(report.acts > 100 && report.actsInLedger > report.acts / 8, 'the workload really ran and was really seen')
  assert.ok(report.acknowledged > 100 && report.checkpoints > 5, 'the producer was really acknowledged')
})
