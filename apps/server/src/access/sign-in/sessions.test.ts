// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { browserOf, type Room, signInAs, signInRoom } from '../../../test/sign-in-room.ts'
import { readCookie, sessionCookie } from './cookie.ts'
import { csrfTokenOf } from './csrf.ts'

const inRoom = (name: string, work: (room: Room) => Promise<void>) =>
  test(name, async () => {
    const room = await signInRoom()
    try {
      await work(room)
    } finally {
      await room.close()
    }
  })

const minutes = 60_000
const none = { code: 'SESSION_NONE', kind: 'unverified' }

async function signedIn(room: Room, source?: string) {
  const browser = browserOf(source)
  await signInAs(room, browser)
  const token = readCookie(browser.visit().cookies, sessionCookie) ?? ''
  return { browser, token, find: () => room.sessions.use(token) }
}

inRoom('what is stored of a session is a hash', async (room) => {
  const { token } = await signedIn(room)
  const row = await room.store.db.selectFrom('sessions').selectAll().executeTakeFirstOrThrow()
  assert.match(row.token_hash, /^[0-9a-f]{64}$/)
  assert(!JSON.stringify(row).includes(token))
  for (const presented of [undefined, '', row.token_hash, row.session_id, `${token.slice(0, -1)}=`, token.slice(1)])
    assert.equal(room.sessions.find(presented), undefined)
})

inRoom('a session that is used goes on for twelve hours, and then ends', async (room) => {
  const { find } = await signedIn(room)
  for (let passed = 0; passed < 12 * 60 - 20; passed += 20) {
    room.clock.pass(20 * minutes)
    assert.ok(find(), `after ${passed} minutes`)
  }
  room.clock.pass(20 * minutes)
  assert.equal(find(), undefined)
})

inRoom('a session that is not used ends after half an hour', async (room) => {
  const { find } = await signedIn(room)
  room.clock.pass(30 * minutes - 1_000)
  assert.ok(find())
  room.clock.pass(30 * minutes)
  assert.equal(find(), undefined)
})

inRoom('asking about a session does not keep it', async (room) => {
  const { browser, token, find } = await signedIn(room)
  const { cookies } = browser.visit()
  const id = find()?.id ?? ''
  room.clock.pass(20 * minutes)
  assert.ok(room.sessions.find(token) && room.acts.callerOf(cookies) && room.sessions.isLive(id))
  assert.ok(room.acts.isCsrfToken(cookies, csrfTokenOf(token)))
  assert.equal((await room.acts.view(browser.visit())).sessions.length, 1)
  room.clock.pass(10 * minutes)
  assert.deepEqual(
    [room.sessions.find(token), room.acts.callerOf(cookies), room.sessions.isLive(id)],
    [undefined, undefined, false],
  )
})

inRoom('a clock that is set back lengthens nothing, one that is set forward ends', async (room) => {
  const { find } = await signedIn(room)
  room.clock.pass(20 * minutes)
  assert.ok(find())
  room.clock.set(-30_000)
  assert.ok(find(), 'a correction of seconds is none of its business')
  for (let passed = 20; passed < 12 * 60 - 20; passed += 20) {
    room.clock.pass(20 * minutes)
    assert.ok(find())
  }
  room.clock.set(-20 * minutes)
  room.clock.pass(20 * minutes)
  assert.equal(find(), undefined, 'the other clock ran on')
  const second = await signedIn(room)
  room.clock.set(13 * 60 * minutes)
  assert.equal(second.find(), undefined)
  const slept = await signedIn(room)
  room.clock.set(30 * minutes)
  assert.equal(slept.find(), undefined, 'the machine slept for half an hour')
  const nudged = await signedIn(room)
  for (let passed = 0; passed < 12 * 60; passed += 29) {
    assert.ok(nudged.find())
    room.clock.set(29 * minutes)
  }
  assert.equal(nudged.find(), undefined, 'twelve hours by the wall')
  const third = await signedIn(room)
  room.clock.set(-60 * minutes)
  assert.equal(third.find(), undefined, 'a clock from before it began cannot say when it ends')
})

inRoom('a restart keeps sessions, and lengthens none, whatever the clock says then', async (room) => {
  const { token, find } = await signedIn(room)
  room.clock.pass(25 * minutes)
  assert.ok(find())
  const over = new AbortController()
  const tending = room.sessions.run(AbortSignal.any([over.signal]))
  over.abort()
  await tending
  room.clock.pass(20 * minutes)
  assert.ok((await room.open()).sessions.find(token), 'seen 20 minutes ago, as was saved')
  room.clock.pass(15 * minutes)
  assert.equal((await room.open()).sessions.find(token), undefined, 'idle for 35')
  room.clock.set(-14 * minutes)
  const again = await room.open()
  assert.ok(again.sessions.use(token), 'the wall clock is all that is left of the time between two lives')
  for (let passed = 0; passed < 12 * 60 - 40; passed += 20) {
    room.clock.pass(20 * minutes)
    again.sessions.use(token)
  }
  assert.equal(again.sessions.use(token), undefined, 'twelve hours from its beginning, less what was saved')
})

/** Eleven hours old, saved, and then the clock is set back by five. */
async function setBack(room: Room) {
  const signed = await signedIn(room)
  for (let passed = 0; passed < 11 * 60; passed += 20) {
    room.clock.pass(20 * minutes)
    signed.find()
  }
  const over = new AbortController()
  const tending = room.sessions.run(over.signal)
  over.abort()
  await tending
  room.clock.set(-5 * 60 * minutes)
  return signed
}

/** Whether the session lives after another hour in which it was used. */
function livesOn(room: Room, find: () => unknown): boolean {
  for (let passed = 0; passed < 60; passed += 20) {
    room.clock.pass(20 * minutes)
    find()
  }
  return find() !== undefined
}

inRoom('a restart does not make up for a clock that was set back', async (room) => {
  const { token } = await setBack(room)
  const again = await room.open()
  assert.ok(again.sessions.use(token))
  assert.equal(
    livesOn(room, () => again.sessions.use(token)),
    false,
  )
})

inRoom('going on in another tenant does not either', async (room) => {
  const { browser, find } = await setBack(room)
  assert.ok(find())
  browser.took(await room.acts.switchTenant(browser.visit(), 'zeta'))
  const token = readCookie(browser.visit().cookies, sessionCookie)
  assert.ok(room.sessions.find(token))
  assert.equal(
    livesOn(room, () => room.sessions.use(token)),
    false,
  )
})

inRoom(
  'whoever goes on in another tenant does so under a new secret, and the old one is worth nothing',
  async (room) => {
    const { browser, token, find } = await signedIn(room)
    const before = find()
    const closed: string[] = []
    room.sessions.attach(before?.id ?? '', () => closed.push('socket'))
    const { csrfToken, cookies } = await room.acts.switchTenant(browser.visit(), 'zeta')
    assert.deepEqual([find(), closed], [undefined, ['socket']])
    browser.took({ cookies })
    const view = await room.acts.view(browser.visit())
    assert.deepEqual([view.tenant, view.csrfToken, view.sessions.length], ['zeta', csrfToken, 1])
    assert.notEqual(view.session.id, before?.id)
    assert.notEqual(csrfToken, csrfTokenOf(token))
    assert.equal(view.session.endsMs, before?.endsMs, 'it lasts no longer for that')
    await assert.rejects(room.acts.switchTenant(browser.visit(), 'other'), { code: 'TENANT_NOT_HELD', kind: 'denied' })
    const again = (await room.open()).sessions
    assert.equal(again.count, 1)
    assert.equal(again.find(token), undefined)
    const racing = browser.visit()
    const raced = await Promise.allSettled(['acme', 'zeta'].map((tenant) => room.acts.switchTenant(racing, tenant)))
    assert.deepEqual(raced.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected'])
  },
)

inRoom('what changes something shows the token of its session', async (room) => {
  const one = await signedIn(room)
  const other = await signedIn(room)
  const { cookies } = one.browser.visit()
  assert.ok(room.acts.isCsrfToken(cookies, csrfTokenOf(one.token)))
  for (const shown of ['', csrfTokenOf(other.token), one.token, `${csrfTokenOf(one.token)}=`, 'ü'.repeat(22)])
    assert.ok(!room.acts.isCsrfToken(cookies, shown), shown)
  assert.throws(() => room.acts.isCsrfToken(undefined, csrfTokenOf(one.token)), none)
})

inRoom('signing out ends the session here, at once, and leads to the provider’s end of it', async (room) => {
  const { browser, find } = await signedIn(room)
  const visit = browser.visit()
  const closed: string[] = []
  const detach = room.sessions.attach(find()?.id ?? '', () => closed.push('detached'))
  detach()
  room.sessions.attach(find()?.id ?? '', () => closed.push('socket'))
  const sent = await room.acts.logout(visit)
  assert.deepEqual([find(), closed], [undefined, ['socket']])
  assert.match(sent.cookies.join(), /^__Host-sealwatch=; .*Max-Age=0$/)
  const end = new URL(sent.redirect)
  assert.equal(end.origin + end.pathname, `${room.provider.issuer}/session/end`)
  assert.equal(end.searchParams.get('post_logout_redirect_uri'), 'http://localhost:8443/')
  assert.ok(end.searchParams.has('id_token_hint'))
  await assert.rejects(room.acts.logout(visit), none)
  assert.equal((await room.open()).sessions.count, 0)
  room.sessions.attach('ses_of_nobody', () => closed.push('at once'))
  assert.deepEqual(closed, ['socket', 'at once'])
})

inRoom('signing out everywhere ends every session of that person, and of no other', async (room) => {
  const [one, two] = [await signedIn(room), await signedIn(room)]
  room.provider.mood.account = { sub: 'bob', groups: ['sec'] }
  const bob = await signedIn(room)
  await room.acts.logoutEverywhere(one.browser.visit())
  assert.deepEqual([one.find(), two.find()], [undefined, undefined])
  assert.ok(bob.find())
})

inRoom('one ends one’s own other sessions, and nobody else’s', async (room) => {
  const [one, two] = [await signedIn(room), await signedIn(room)]
  room.provider.mood.account = { sub: 'bob', groups: ['sec'] }
  const bob = await signedIn(room)
  const unknown = { code: 'SESSION_UNKNOWN', kind: 'not_found' }
  for (const id of [bob.find()?.id ?? '', 'ses_x', ''])
    await assert.rejects(room.acts.end(one.browser.visit(), id), unknown)
  await room.acts.end(one.browser.visit(), two.find()?.id ?? '')
  assert.deepEqual([!!one.find(), !!two.find(), !!bob.find()], [true, false, true])
})

inRoom('of more sessions than one person may have, the one that was not used for longest ends', async (room) => {
  const first = await signedIn(room)
  const second = await signedIn(room)
  const rest = []
  for (let index = 0; index < 18; index += 1) {
    room.clock.pass(10_000)
    rest.push(await signedIn(room, `192.0.2.${index}`))
  }
  assert.ok(first.find())
  room.clock.pass(10_000)
  await signedIn(room, '192.0.2.100')
  assert.deepEqual([!!first.find(), !!second.find()], [true, false])
  assert.ok(rest.every(({ find }) => find() !== undefined))
  assert.match(room.lines.at(-1)?.message ?? '', /newer sessions/)
})

inRoom('whoever signs in again in a browser leaves no session behind there', async (room) => {
  const { browser, find } = await signedIn(room)
  await signInAs(room, browser)
  assert.equal(find(), undefined)
  assert.equal(room.sessions.count, 1)
})

inRoom('what is over is ended and recorded without anybody asking', async (room) => {
  await signedIn(room)
  room.clock.pass(31 * minutes)
  const over = new AbortController()
  over.abort()
  await room.sessions.run(over.signal)
  assert.equal(room.sessions.count, 1, 'a stop is no reason')
  const soon = new AbortController()
  const tended = room.sessions.run(soon.signal)
  soon.abort()
  await tended
  assert.equal(room.sessions.count, 0)
  assert.deepEqual(room.codes().at(-1), 'logout')
  assert.equal(room.lines.at(-1)?.unmapped.cause, 'idle')
})
