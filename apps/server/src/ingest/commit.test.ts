// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { systemClock as clock } from '@sealwatch/base'
import { openIngest } from './test/open-ingest.ts'

test('AGT-6 while hosts flood, what else waits for the thread has its turn after some lines', async () => {
  await using rooms = await openIngest()
  const { chain, ledgers } = rooms
  const batches = []
  for (let i = 0; i < 8; i += 1) {
    const { nextSeq } = chain.position
    await chain.seal(
      Array.from({ length: 200 }, () => ({ event: { n: i }, personalPointers: [], timeNs: clock.nowNs() })),
    )
    batches.push(await rooms.batchAt(nextSeq))
  }
  const submitted = Promise.all(batches.map(rooms.submit))
  await setImmediate()
  const judged = ledgers.get('default').position(chain.id).nextSeq
  const twoBatches = 402
  assert(judged > 0 && judged <= twoBatches + 1, `${judged} lines of ${chain.position.nextSeq} in one turn`)
  for (const { kind } of await submitted) assert.equal(kind, 'acknowledged')
  assert.equal(ledgers.get('default').position(chain.id).nextSeq, chain.position.nextSeq)
})
