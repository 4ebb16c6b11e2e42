// SPDX-License-Identifier: Apache-2.0
// The schedule of kills (test/system) over a disk that loses what is not synced, and over a server that is wrong.

import assert from 'node:assert/strict'
import process from 'node:process'
import { test } from 'node:test'
import { crash } from '../system/crash.ts'
import { acceptTwice, lossyDisk, mutantTree } from '../system/mutant.ts'
import { whyNot } from '../system/platform.ts'

const seed = Number(process.env.SEALWATCH_SEED ?? Math.floor(Math.random() * 2 ** 31))
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

test('the harness itself: missing de-duplication is found out', { skip: whyNot() ?? false }, async (t) => {
  await using tree = await mutantTree([...lossyDisk, acceptTwice])
  const found = await firstViolation(tree.root, /^(doubled|stuck|verify)/)
  t.diagnostic(String(found))
  assert.ok(found !== undefined)
})
