// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { atOrAbove, requestsIn, type Verdict } from '@sealwatch/detect/verdict'
import type { Authorised } from '../../access/index.ts'
import { openStore } from '../../store/index.ts'
import { createScoreBook, scoreLimits } from './score-book.ts'

const store = openStore(':memory:')
after(() => store.close())
const dayMs = 86_400_000
let nowMs = Date.UTC(2026, 10, 1)
const clock = { nowMs: () => nowMs } as Parameters<typeof createScoreBook>[0]['clock']
const by = (tenant: string) => ({ tenant }) as Authorised<'threat:read'>
const verdict = (score: number, id?: string): Pick<Verdict, 'score' | 'threat' | 'reasons'> => ({
  score,
  threat: score >= 50,
  reasons: id === undefined ? [] : [{ detector: 'rules', id, what: '', weight: 7 }],
})

test('DET-1 scores are counted by tenant and day, and what weighed most in threats', async () => {
  const book = createScoreBook({ store, clock })
  for (let n = 0; n < 10; n += 1) book.count('acme', verdict(0))
  book.count('acme', verdict(30, '1'))
  book.count('acme', verdict(90, '2'))
  book.count('zeta', verdict(90, '3'))
  assert.equal(requestsIn((await book.read(by('acme'), 1)).scores), 12)
  nowMs += dayMs
  book.count('acme', verdict(91, '2'))
  const two = await book.read(by('acme'), 2)
  assert.deepEqual(
    [two.days, requestsIn(two.scores), atOrAbove(two.scores, 90), two.reasons.map((one) => ({ ...one }))],
    [2, 13, 2, [{ detector: 'rules', id: '2', threats: 2 }]],
  )
  assert.equal(requestsIn((await book.read(by('acme'), 1)).scores), 1)
  assert.deepEqual(
    (await book.read(by('zeta'), 30)).reasons.map((one) => ({ ...one })),
    [{ detector: 'rules', id: '3', threats: 1 }],
  )
  const other = createScoreBook({ store, clock })
  assert.equal(requestsIn((await other.read(by('acme'), 2)).scores), 13)
})

test('DET-1 days beyond those that are kept go, and a tenant that is gone is not written of', async () => {
  const book = createScoreBook({ store, clock })
  nowMs += scoreLimits.daysKept * dayMs
  book.count('acme', verdict(10))
  book.count('gone', verdict(10))
  book.forgetTenant('gone')
  assert.equal(requestsIn((await book.read(by('acme'), scoreLimits.daysKept)).scores), 1)
  const kept = store.db.selectFrom('request_scores').select('day').where('tenant', '=', 'acme')
  assert.equal((await kept.execute()).length, 1)
  assert.equal(requestsIn((await book.read(by('gone'), 30)).scores), 0)
})
