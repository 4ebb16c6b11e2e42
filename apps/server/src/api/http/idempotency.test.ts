// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '@sealwatch/base'
import { openStore } from '../../store/index.ts'
import { createIdempotency } from './idempotency.ts'
import { httpError } from './problems.ts'

const daySeconds = 24n * 3600n

function room(perTenantMax?: number) {
  const store = openStore(':memory:')
  let nowNs = 1_795_262_400_000_000_000n
  const clock = { ...systemClock, nowNs: () => nowNs }
  /** The server as it starts: it knows what the store says, and nothing else. */
  const start = () => createIdempotency({ store, clock, ...(perTenantMax && { perTenantMax }) })
  const of = (key: string, tenant = 'acme') => ({ tenant, principal: 'machine:t', key, request: 'POST /x' })
  const pass = (seconds: bigint) => {
    nowNs += seconds * 1_000_000_000n
  }
  return { store, start, of, pass }
}

const done = async () => ({ status: 201, body: '{}', keep: true })
const never = () => assert.fail('it was done before')

test('what was under way when the server stopped is not done again under its key', async () => {
  const { start, of, pass } = room()
  const begun = Promise.withResolvers<void>()
  void start().once(of('key-00001'), async () => {
    begun.resolve()
    return new Promise(() => undefined)
  })
  await begun.promise
  const after = start()
  await assert.rejects(after.once(of('key-00001'), never), { code: 'IDEMPOTENCY_UNFINISHED', kind: 'conflict' })
  await assert.rejects(after.once({ ...of('key-00001'), request: 'POST /y' }, never), { code: 'IDEMPOTENCY_REUSED' })
  await after.once(of('key-00001', 'globex'), done)
  pass(daySeconds)
  assert.equal((await after.once(of('key-00001'), done)).status, 201)
  assert.equal((await start().once(of('key-00001'), never)).status, 201)
})

test('a request that was refused may be sent again; one that failed on our side may have been done', async () => {
  const { start, of } = room()
  const fail = (error: Error) => async () => Promise.reject(error)
  const refused = httpError('OBJECT_UNKNOWN', { attempted: 'a test' })
  await assert.rejects(start().once(of('key-refused'), fail(refused)), { code: 'OBJECT_UNKNOWN' })
  assert.equal((await start().once(of('key-refused'), done)).status, 201)
  await assert.rejects(start().once(of('key-failed'), fail(new Error('the ledger is away'))), /away/)
  await assert.rejects(start().once(of('key-failed'), never), { code: 'IDEMPOTENCY_UNFINISHED' })
})

test('a key that cannot be kept is refused before anything is done, until there is room', async () => {
  const { start, of, pass } = room(2)
  await start().once(of('key-00001'), done)
  pass(60n)
  await start().once(of('key-00002'), done)
  const waitMs = Number(daySeconds - 60n) * 1000
  await assert.rejects(start().once(of('key-00003'), never), { code: 'IDEMPOTENCY_FULL', kind: 'exhausted', waitMs })
  assert.equal((await start().once(of('key-00002'), never)).status, 201, 'a known key needs no room')
  await start().once(of('key-00003', 'globex'), done)
  pass(daySeconds - 60n)
  await start().once(of('key-00003'), done)
})
