// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  authorised,
  type Browser,
  browserOf,
  origin,
  type Room,
  signInAs,
  signInRoom,
} from '../../../test/sign-in-room.ts'

/** A test in a room of its own. */
const inRoom = (name: string, work: (room: Room) => Promise<void>, options?: Parameters<typeof signInRoom>[0]) =>
  test(name, async () => {
    const room = await signInRoom(options)
    try {
      await work(room)
    } finally {
      await room.close()
    }
  })

inRoom('POL-3: a person signs in through a provider, and is known again', async (room) => {
  const browser = browserOf()
  const sent = await signInAs(room, browser, '/alerts?severity=high')
  assert.equal(sent.redirect, '/alerts?severity=high')
  const view = await room.acts.view(browser.visit())
  assert.match(view.person.id, /^usr_[0-9a-f]{20}$/)
  assert.deepEqual([view.person.name, view.person.email], ['Alice', 'alice@example.com'])
  assert.deepEqual([view.tenant, view.tenants], ['acme', ['acme', 'zeta']])
  assert.deepEqual(room.groups, [{ personId: view.person.id, groups: ['sec'] }])
  assert.deepEqual(room.codes(), ['person_created', 'login'])
  const other = browserOf()
  await signInAs(room, other)
  assert.equal((await room.acts.view(other.visit())).person.id, view.person.id)
  assert.equal((await room.acts.view(other.visit())).sessions.length, 2)
})

inRoom('LOG-5: neither ledger nor log names a person, a token, a code or a secret', async (room) => {
  const browser = browserOf()
  const begun = await room.beginLogin(browser.visit(), '/')
  browser.took(begun)
  const back = await browser.through(begun.redirect)
  browser.took(await room.finishLogin(browser.visit(), back.searchParams))
  await assert.rejects(room.finishLogin(browser.visit(), back.searchParams))
  await room.acts.logout(browser.visit())
  const told = JSON.stringify(room.lines) + room.logged.join('')
  const { searchParams: asked } = new URL(begun.redirect)
  const secrets = [
    ...['code', 'state'].map((name) => back.searchParams.get(name)),
    ...['nonce', 'state', 'code_challenge'].map((name) => asked.get(name)),
    ...browser.cookies.values(),
    'Alice',
    'alice@example.com',
    'alice-at-provider',
    'secret-of-the-client',
  ]
  for (const secret of secrets) assert(secret && !told.includes(secret), `${secret} in ${told}`)
})

inRoom('an answer counts once, in the browser that asked, for ten minutes', async (room) => {
  const browser = browserOf()
  const begun = await room.beginLogin(browser.visit(), '/')
  browser.took(begun)
  const back = await browser.through(begun.redirect)
  const foreign = { code: 'LOGIN_FOREIGN', kind: 'unverified' }
  const other = browserOf()
  other.took(await room.beginLogin(other.visit(), '/'))
  await assert.rejects(room.finishLogin(other.visit(), back.searchParams), foreign, 'another browser')
  await assert.rejects(room.finishLogin(browser.visit(), back.searchParams), foreign, 'given away, it is gone')
  const sent = await signInAs(room, browser)
  assert.equal(sent.redirect, '/')
  for (const query of ['', 'state=', 'state=x&code=y', `state=${'a'.repeat(9000)}`, 'state=a&state=a'])
    await assert.rejects(room.finishLogin(browser.visit(), new URLSearchParams(query)), foreign, query)
  const late = browserOf()
  const slow = await room.beginLogin(late.visit(), '/')
  late.took(slow)
  const answer = await late.through(slow.redirect)
  room.clock.pass(600_000)
  await assert.rejects(room.finishLogin(late.visit(), answer.searchParams), foreign, 'too late')
})

inRoom("the state of one log-in does not go with another's code, nor a nonce with another's token", async (room) => {
  const [one, two] = [browserOf(), browserOf()]
  const answers = []
  for (const browser of [one, two]) {
    const begun = await room.beginLogin(browser.visit(), '/')
    browser.took(begun)
    answers.push((await browser.through(begun.redirect)).searchParams)
  }
  const [first, second] = answers as [URLSearchParams, URLSearchParams]
  const mixed = new URLSearchParams(first)
  mixed.set('code', second.get('code') ?? '')
  await assert.rejects(room.finishLogin(one.visit(), mixed), { code: 'LOGIN_UNPROVEN' })
  assert.equal(room.sessions.count, 0)
  await room.finishLogin(two.visit(), second)
  assert.equal(room.sessions.count, 1)
})

inRoom('two windows of one browser may sign in side by side', async (room) => {
  const browser = browserOf()
  const begun = []
  for (const returnTo of ['/one', '/two']) {
    const sent = await room.beginLogin(browser.visit(), returnTo)
    browser.took(sent)
    begun.push(sent)
  }
  const visit = browser.visit()
  for (const [index, { redirect }] of begun.entries()) {
    const back = await browser.through(redirect)
    const sent = await room.finishLogin(visit, back.searchParams)
    assert.equal(sent.redirect, ['/one', '/two'][index])
  }
})

inRoom('where a log-in leads is a path of ours', async (room) => {
  const refused = [
    '',
    'alerts',
    '//evil.example',
    '/\\evil.example',
    'https://evil.example',
    '/a\r\nSet-Cookie: x',
    '/ü',
    `/${'a'.repeat(600)}`,
    '/a b',
    '/a\\b',
  ]
  for (const returnTo of refused)
    await assert.rejects(room.beginLogin(browserOf().visit(), returnTo), { code: 'LOGIN_RETURN' }, returnTo)
})

inRoom('what the provider is sent is what OpenID Connect asks for, with PKCE', async (room) => {
  const { redirect } = await room.beginLogin(browserOf().visit(), '/')
  const url = new URL(redirect)
  assert.equal(url.origin + url.pathname, `${room.provider.issuer}/auth`)
  const of = (name: string) => url.searchParams.get(name)
  assert.deepEqual(['response_type', 'client_id', 'redirect_uri', 'code_challenge_method', 'scope'].map(of), [
    'code',
    'sealwatch',
    `${origin}/auth/callback`,
    'S256',
    'openid profile email groups',
  ])
  for (const name of ['nonce', 'code_challenge']) assert.match(of(name) ?? '', /^[\w-]{43}$/)
  assert.match(of('state') ?? '', /^[\w.-]{200,600}$/)
  assert.equal(of('login_hint'), null)
})

inRoom('who is turned away by the provider, disabled, or without a role does not come in', async (room) => {
  room.provider.mood.declines = true
  await assert.rejects(signInAs(room, browserOf()), { code: 'LOGIN_DECLINED', kind: 'denied' })
  room.provider.mood.declines = false
  room.provider.mood.account = { sub: 'bob', name: 'Bob', groups: [] }
  await assert.rejects(signInAs(room, browserOf()), { code: 'LOGIN_WITHOUT_ROLE', kind: 'denied' })
  const browser = browserOf()
  room.provider.mood.account = { sub: 'alice', groups: ['sec'] }
  await signInAs(room, browser)
  const { person } = await room.acts.view(browser.visit())
  await room.changePerson(authorised('person:disable'), person.id, 'disable')
  await assert.rejects(room.acts.view(browser.visit()), { code: 'SESSION_NONE' }, 'gone from everywhere')
  await assert.rejects(signInAs(room, browserOf()), { code: 'PERSON_DISABLED', kind: 'denied' })
  // Failures are written behind the answer.
  const over = new AbortController()
  over.abort()
  await room.failed.run(over.signal)
  await room.changePerson(authorised('person:disable'), person.id, 'enable')
  await signInAs(room, browserOf())
  const failures = room.lines.filter((line) => line.metadata.event_code === 'login_failed')
  assert.deepEqual(
    failures.map(({ status_code, user }) => [status_code, user.uid]),
    [
      ['LOGIN_DECLINED', 'unknown'],
      ['LOGIN_WITHOUT_ROLE', room.lines.find(({ class_uid }) => class_uid === 3007)?.user.uid],
      ['PERSON_DISABLED', person.id],
    ],
  )
})

inRoom(
  'POL-1: whoever is signed out by an admin is, everywhere, and may come again; the ledger says who did it',
  async (room) => {
    const browsers = [browserOf(), browserOf()]
    for (const browser of browsers) await signInAs(room, browser)
    const { person } = await room.acts.view((browsers[0] as Browser).visit())
    room.provider.mood.account = { sub: 'bob', groups: ['sec'] }
    const bob = browserOf()
    await signInAs(room, bob)
    const by = authorised('person:sign-out')
    const { sessions } = await room.signOutPerson(by, person.id)
    assert.equal(sessions, 2)
    for (const browser of browsers) await assert.rejects(room.acts.view(browser.visit()), { code: 'SESSION_NONE' })
    assert.ok(room.acts.callerOf(bob.visit().cookies), 'others stay')
    const told = room.lines
      .slice(-3)
      .map(({ metadata, unmapped }) => [metadata.event_code, unmapped.cause, unmapped.request_id])
    const ended = ['logout', 'signed_out', by.requestId]
    assert.deepEqual(told, [['person_signed_out', undefined, by.requestId], ended, ended])
    assert.equal((await room.signOutPerson(by, person.id)).sessions, 0)
    room.provider.mood.account = { sub: 'alice', groups: ['sec'] }
    await signInAs(room, browserOf())
    const unknown = { code: 'PERSON_UNKNOWN', kind: 'not_found' }
    await assert.rejects(room.signOutPerson(by, 'usr_00000000000000000000'), unknown)
    await room.changePerson(authorised('person:erase'), person.id, 'delete')
    await assert.rejects(room.signOutPerson(by, person.id), unknown)
  },
)

inRoom('whoever is erased is forgotten, gone, and somebody new when they come again', async (room) => {
  const browser = browserOf()
  await signInAs(room, browser)
  const { person } = await room.acts.view(browser.visit())
  const by = authorised('person:erase')
  await room.changePerson(by, person.id, 'delete')
  await assert.rejects(room.acts.view(browser.visit()), { code: 'SESSION_NONE' })
  const rows = JSON.stringify(await room.store.db.selectFrom('people').selectAll().execute())
  for (const own of ['Alice', 'alice@example.com', 'alice-at-provider']) assert(!rows.includes(own), rows)
  assert.deepEqual(room.taken, [person.id])
  for (const change of ['delete', 'enable', 'disable'] as const)
    await assert.rejects(room.changePerson(by, person.id, change), { code: 'PERSON_UNKNOWN' })
  const again = browserOf()
  await signInAs(room, again)
  assert.notEqual((await room.acts.view(again.visit())).person.id, person.id)
  assert.equal(room.codes().filter((code) => code === 'person_erased').length, 1)
})

inRoom('brute force: an address waits, and so does a person; the ledger tells how often', async (room) => {
  const visit = browserOf('2001:db8::1').visit()
  let tries = 0
  const attempt = () => room.finishLogin(visit, new URLSearchParams('state=x')).catch(({ code }) => code)
  while ((await attempt()) === 'LOGIN_FOREIGN') tries += 1
  assert.equal(tries, 30)
  const neighbour = browserOf('2001:db8::2').visit()
  await assert.rejects(room.beginLogin(neighbour, '/'), { code: 'LOGIN_TOO_OFTEN', kind: 'exhausted' })
  await room.beginLogin(browserOf('2001:db8:1::2').visit(), '/')
  const over = new AbortController()
  over.abort()
  await room.failed.run(over.signal)
  const told = room.lines.map(({ status_code, unmapped }) => [status_code, unmapped.failed_times])
  assert.deepEqual(told, [
    ['LOGIN_FOREIGN', 1],
    ['LOGIN_TOO_OFTEN', 1],
    ['LOGIN_TOO_OFTEN', 1],
    ['LOGIN_FOREIGN', 29],
  ])
  for (let login = 0; login < 10; login += 1) await signInAs(room, browserOf(`192.0.2.${login}`))
  await assert.rejects(signInAs(room, browserOf('192.0.2.200')), { code: 'LOGIN_TOO_OFTEN' })
  room.clock.pass(10_000)
  await signInAs(room, browserOf('192.0.2.201'))
})
