// SPDX-License-Identifier: Apache-2.0
// DET-4: threats on their way to the ledger, while the service goes on.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBell, systemClock } from '@sealwatch/base'
import { readContext } from '../request/context.ts'
import type { Opinion, Threat } from './options.ts'
import { createTelling } from './telling.ts'

const context = readContext({ method: 'GET', path: '/', query: '', headers: [], address: '192.0.2.1' })
const threat = { type: 'xss', severity: 'high', score: 97, confidence: 0.97, reasons: [], signals: [] } as const
const found = (id: string, more: Partial<Opinion> = {}): Opinion => ({
  id,
  action: 'block',
  threat,
  detectors: { absent: [], cut: [] },
  ...more,
})

/** `answers`: one for each time that the server is asked, the last one for ever. */
function telling({ answers, waitingMax = 64 }: { answers: (Opinion | Error)[]; waitingMax?: number }) {
  const told: (readonly [id: string, alert: string | undefined])[] = []
  const notices: string[] = []
  const slept: number[] = []
  const bell = createBell()
  let asked = 0
  const ledger = {
    ask: async () => {
      const answer = answers[Math.min(asked, answers.length - 1)] as Opinion | Error
      asked += 1
      if (answer instanceof Error) throw answer
      return answer
    },
  }
  const { tell } = createTelling({
    ledger,
    told: ({ opinion, alert }: Threat) => {
      told.push([opinion.id, alert])
      bell.ring()
    },
    waitingMax,
    notice: (_kind, text) => notices.push(text),
    clock: { ...systemClock, sleep: async (ms) => void slept.push(ms) },
  })
  return {
    tell,
    told,
    notices,
    slept,
    asked: () => asked,
    until: async (count: number) => {
      while (told.length < count) await bell.wait(new AbortController().signal)
    },
  }
}
const recorded = found('req_there', { isRecorded: true })

test('DET-4 a threat that the server does not take is brought again, and stands in the ledger by the id it has there', async () => {
  const { tell, told, until, slept, asked } = telling({ answers: [new Error('busy'), new Error('busy'), recorded] })
  tell(found('req_here'), context)
  await until(1)
  assert.deepEqual(told, [['req_here', 'req_there']])
  assert.deepEqual([asked(), slept], [3, [1_000, 1_000]])
})

test('DET-4 after ten times a threat is given up, with its number and why; those after it are brought', async () => {
  const away = Array.from({ length: 10 }, () => new Error('nobody is there'))
  const { tell, told, until, notices, asked } = telling({ answers: [...away, recorded] })
  tell(found('req_1'), context)
  await until(1)
  assert.deepEqual([told, asked()], [[['req_1', undefined]], 10])
  assert.match(notices.join(), /^1 threats have not reached the ledger: nobody is there$/)
  tell(found('req_2'), context)
  await until(2)
  assert.deepEqual(told[1], ['req_2', 'req_there'])
})

test('DET-4 more threats than may wait are told of at once, counted, and not brought', async () => {
  const { tell, told, until, notices, asked } = telling({ answers: [recorded], waitingMax: 2 })
  // The first is on its way when this returns; two wait.
  for (const id of ['req_1', 'req_2', 'req_3', 'req_4', 'req_5']) tell(found(id), context)
  assert.deepEqual(told, [
    ['req_4', undefined],
    ['req_5', undefined],
  ])
  assert.deepEqual(notices, [
    '1 threats have not reached the ledger: 2 wait already',
    '2 threats have not reached the ledger: 2 wait already',
  ])
  await until(5)
  assert.equal(asked(), 3)
})

test('DET-4 what a server judged is not brought to it again, and has an alert only where it is recorded', () => {
  const { tell, told, asked } = telling({ answers: [recorded] })
  tell(found('req_1', { isRecorded: true }), context)
  tell(found('req_2', { isRecorded: false }), context)
  assert.deepEqual(told, [
    ['req_1', 'req_1'],
    ['req_2', undefined],
  ])
  assert.equal(asked(), 0)
})
