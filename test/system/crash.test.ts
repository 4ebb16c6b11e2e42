// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import process from 'node:process'
import { test } from 'node:test'
import { crash } from './crash.ts'
import { acceptTwice, acknowledgeBeforeSync, lossyDisk, mutantTree } from './mutant.ts'
import { whyNot } from './platform.ts'

const seed = Number(process.env.SEALWATCH_SEED ?? Math.floor(Math.random() * 2 ** 31))

test('LOG-6 AGT-8 ING-8 nothing acknowledged is lost, whatever is killed', { skip: whyNot() ?? false }, async (t) => {
  t.diagnostic(`seed ${seed}; SEALWATCH_SEED=${seed} repeats the schedule`)
  const report = await crash({ seed, kills: 24, parts: ['server', 'agent', 'sensor'] })
  t.diagnostic(JSON.stringify({ ...report, violations: report.violations.length }))
  assert.deepEqual(report.violations.slice(0, 20), [])
  assert.ok(report.acts > 500 && report.actsInLedger > report.acts / 8, 'the workload really ran and was really seen')
  assert.ok(report.acknowledged > 500 && report.checkpoints > 5, 'the producer was really acknowledged')
})

const servers = { kills: 10, parts: ['server'], patienceMs: 12_000 } as const

/** Chance decides whether a kill falls between an acknowledgement and its sync: it has three schedules to do so. */
async function firstViolation(root: string, form: RegExp): Promise<string | undefined> {
  for (const schedule of [seed, seed + 1, seed + 2]) {
    const { violations } = await crash({ root, seed: schedule, ...servers })
    const found = violations.find((violation) => form.test(violation))
    if (found !== undefined) return found
  }
  return undefined
}

test('the harness itself: a disk that loses what is not yet synced costs nothing', {
  skip: whyNot() ?? false,
}, async () => {
  await using tree = await mutantTree(lossyDisk)
  const { violations } = await crash({ root: tree.root, seed, ...servers })
  assert.deepEqual(violations.slice(0, 20), [])
})

const notCertain =
  'the simulation finds this mutant (test/sim); here chance decides, and a busy machine is "stuck" just so'
test('the harness itself: an acknowledgement before the sync is found out', {
  skip: whyNot() ?? notCertain,
}, async (t) => {
  await using tree = await mutantTree([...lossyDisk, ...acknowledgeBeforeSync])
  const found = await firstViolation(tree.root, /^(lost|stuck)/)
  t.diagnostic(String(found))
  assert.ok(found !== undefined)
})

test('the harness itself: missing de-duplication is found out', { skip: whyNot() ?? false }, async (t) => {
  await using tree = await mutantTree([...lossyDisk, acceptTwice])
  const found = await firstViolation(tree.root, /^(doubled|stuck|verify)/)
  t.diagnostic(String(found))
  assert.ok(found !== undefined)
})
