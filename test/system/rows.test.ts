// SPDX-License-Identifier: Apache-2.0
// A service, its outbox and its forwarder against the platform, all of them real processes that are killed again and again.

import assert from 'node:assert/strict'
import process from 'node:process'
import { test } from 'node:test'
import { systemClock as clock } from '@sealwatch/base'
import { seededRandom } from './crash.ts'
import { eventually, startPlatform, whyNot } from './platform.ts'
import { rowsInLedger, rowText, startService } from './service.ts'

const seed = Number(process.env.SEALWATCH_SEED ?? Math.floor(Math.random() * 2 ** 31))
const kills = { server: 4, forwarder: 3 }

test('ING-8 ING-2 every row that a service committed is in the ledger once and in order, whatever is killed', {
  skip: whyNot() ?? false,
}, async (t) => {
  t.diagnostic(`seed ${seed}; SEALWATCH_SEED=${seed} repeats the schedule`)
  await using ended = new AsyncDisposableStack()
  const platform = await startPlatform()
  ended.defer(() => platform.down())
  const service = await startService(platform)
  ended.defer(() => service.stop())

  const random = seededRandom(seed)
  const parts = Object.entries(kills).flatMap(([part, times]) => Array<string>(times).fill(part))
  while (parts.length > 0) {
    await clock.sleep(300 + random() * 900)
    const [part] = parts.splice(Math.floor(random() * parts.length), 1) as [string]
    if (part === 'forwarder') await service.killForwarder()
    else await eventually('the server to run', async () => (await platform.kill('server')) || undefined)
  }
  const committed = await service.finish()
  const rows = await rowsInLedger(platform)
  t.diagnostic(`${committed} rows, ${JSON.stringify(kills)}`)
  assert.deepEqual(await service.outbox.parked(10), [])
  const wrong = rows.findIndex(({ text }, n) => text !== rowText(n))
  assert.equal(wrong, -1, `row ${wrong} of the ledger is ${rows[wrong]?.text}`)
  assert.equal(rows.length, committed)
  assert.ok(committed > 10_000, `${committed} rows really went through`)
})
