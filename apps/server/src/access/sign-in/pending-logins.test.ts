// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setClock } from '../../../test/sign-in-room.ts'
import { createPendingLogins } from './pending-logins.ts'

const foreign = { code: 'LOGIN_FOREIGN' }
const of = { browser: undefined, returnTo: `/${'a'.repeat(511)}`, link: 'f'.repeat(64) }

test("log-ins that strangers begin, however many, end nobody's", async () => {
  const logins = createPendingLogins(setClock())
  const { pending, browser } = await logins.begin(of)
  for (let i = 0; i < 10_001; i += 1) await logins.begin({ ...of, returnTo: '/' })
  assert.deepEqual(await logins.take(pending.state, browser), pending)
})

test('a state tells nothing, fits into a URL, and is one of this server, unchanged', async () => {
  const logins = createPendingLogins(setClock())
  const { pending, browser } = await logins.begin(of)
  const { state, nonce, verifier } = pending
  assert.ok(state.length < 1_500, `${state.length}`)
  const inside = state.split('.').map((part) => Buffer.from(part, 'base64url').toString('latin1'))
  for (const secret of [nonce, verifier, 'aaaa', 'ffff', browser]) assert.ok(!inside.join().includes(secret))
  const at = state.length - 40
  const changed = `${state.slice(0, at)}${state[at] === 'A' ? 'B' : 'A'}${state.slice(at + 1)}`
  for (const wrong of [changed, state.slice(0, -1), '', 'x', `${state}${'A'.repeat(5_000)}`])
    await assert.rejects(logins.take(wrong, browser), foreign, wrong.slice(0, 40))
  await assert.rejects(createPendingLogins(setClock()).take(state, browser), foreign, 'of another server')
  await logins.take(state, browser)
  await assert.rejects(logins.take(state, browser), foreign, 'a second time')
})

test('a log-in is over after ten minutes, and in another browser', async () => {
  const clock = setClock()
  const logins = createPendingLogins(clock)
  const [one, two] = [await logins.begin(of), await logins.begin(of)]
  await assert.rejects(logins.take(one.pending.state, two.browser), foreign)
  await assert.rejects(logins.take(one.pending.state, one.browser), foreign, 'given away, it is gone')
  clock.pass(600_000)
  await assert.rejects(logins.take(two.pending.state, two.browser), foreign)
})
