// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { signInRoom } from '../../test/sign-in-room.ts'
import { across } from '../store/index.ts'
import { openAccess } from './access.ts'

const hourMs = 3_600_000

/** A token, and the room over its database as often as it is opened. */
async function room(t: TestContext, ttlSeconds = 60) {
  const { store, voice, outbox, clock, log, close } = await signInRoom()
  t.after(close)
  const committed = async (uid: string) => Number(uid)
  const stopping = new AbortController()
  let sleeps = 0
  const ticking = {
    ...clock,
    sleep: async () => {
      sleeps += 1
      if (sleeps > 1) stopping.abort()
    },
  }
  const options = {
    store,
    voice,
    log,
    outbox: { ...outbox, committed },
    clock: ticking,
    stateOf: () => 'active' as const,
  }
  const open = () => openAccess(options)
  const { tokens, gate } = await open()
  const by = gate.authorise({ kind: 'operator', id: 'root' }, 'token:create', { tenant: 'acme', requestId: 'req_1' })
  const { token } = await tokens.create(by, { name: 'ci', actions: ['role:list'], ttlSeconds })
  return { open, store, tokens, token, clock, tend: () => tokens.run(stopping.signal) }
}

test('POL-1: an API token that ended does not live again when the wall clock is set back', async (t) => {
  const { tokens, token, clock } = await room(t)
  assert.ok(tokens.principalOf(token))
  clock.set(-hourMs)
  assert.ok(tokens.principalOf(token), 'it ends when its time has passed, and not before')
  clock.pass(61_000)
  assert.equal(tokens.principalOf(token), undefined)
})

test('POL-1: nor after a restart', async (t) => {
  const { open, tokens, token, clock, tend } = await room(t)
  clock.pass(61_000)
  assert.equal(tokens.principalOf(token), undefined)
  await tend()
  clock.set(-hourMs)
  const again = await open()
  assert.equal(again.tokens.principalOf(token), undefined)
})

test('POL-1: a restart under a clock that is behind adds nothing to the life of a token', async (t) => {
  const { open, token, clock } = await room(t)
  clock.set(-hourMs)
  const again = await open()
  assert.ok(again.tokens.principalOf(token))
  clock.pass(61_000)
  assert.equal(again.tokens.principalOf(token), undefined)
})

test('POL-1: nor does it to a token that was used meanwhile', async (t) => {
  const { open, store, tokens, token, clock } = await room(t, 3_600)
  clock.pass(1_800_000)
  assert.ok(tokens.principalOf(token))
  const used = () => across(store.db, 'status').selectFrom('api_tokens').select('last_used_at').executeTakeFirst()
  while (((await used())?.last_used_at ?? null) === null) await new Promise(setImmediate)
  clock.set(-24 * hourMs)
  const again = await open()
  assert.ok(again.tokens.principalOf(token))
  clock.pass(1_861_000)
  assert.equal(again.tokens.principalOf(token), undefined)
})
