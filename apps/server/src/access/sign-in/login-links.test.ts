// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  authorised,
  type Browser,
  browserOf,
  codeOf,
  type Room,
  signInAs,
  signInRoom,
} from '../../../test/sign-in-room.ts'

const inRoom = (name: string, work: (room: Room) => Promise<void>, options?: Parameters<typeof signInRoom>[0]) =>
  test(name, async () => {
    const room = await signInRoom(options)
    try {
      await work(room)
    } finally {
      await room.close()
    }
  })

const over = { code: 'LINK_OVER', kind: 'denied' }

/** Opens a link, and what comes of it. */
async function follow(room: Room, browser: Browser, code: string) {
  const begun = await room.followLink(browser.visit(), code)
  browser.took(begun)
  const back = await browser.through(begun.redirect)
  const sent = await room.finishLogin(browser.visit(), back.searchParams)
  browser.took(sent)
  return sent
}

inRoom('whoever comes by the first link, proven by the provider, is the first admin', async (room) => {
  room.provider.mood.account = { sub: 'first', name: 'First' }
  const { url } = await room.links.forOperator(authorised('login-link:create'))
  assert.match(url, /^http:\/\/localhost:8443\/auth\/link\?code=[\w-]{43}$/)
  const browser = browserOf()
  await follow(room, browser, codeOf(url))
  const { person, tenants, tenant } = await room.acts.view(browser.visit())
  assert.deepEqual([tenant, tenants], ['default', ['cluster', 'default']])
  const grants = [
    { tenant: 'cluster', role: 'cluster_admin' },
    { tenant: 'default', role: 'tenant_admin' },
  ]
  assert.deepEqual(room.begun, [{ personId: person.id, grants, by: 'operator:root' }])
  assert.deepEqual(room.codes(), ['login_link_created', 'person_created', 'login'])
  const [made, , login] = room.lines
  assert.equal(made?.unmapped.login_link, login?.unmapped.login_link)
  const told = JSON.stringify(room.lines) + room.logged.join('')
  assert(!told.includes(codeOf(url)))
  const row = await room.store.db.selectFrom('login_links').selectAll().executeTakeFirstOrThrow()
  assert(!JSON.stringify(row).includes(codeOf(url)))
})

inRoom('a link is used once, also by many at once, and not by who could not sign in', async (room) => {
  const { url } = await room.links.forOperator(authorised('login-link:create'))
  const code = codeOf(url)
  room.provider.mood.declines = true
  await assert.rejects(follow(room, browserOf(), code), { code: 'LOGIN_DECLINED' })
  room.provider.mood.declines = false
  const browsers = Array.from({ length: 5 }, (_, index) => browserOf(`192.0.2.${index}`))
  const answers = []
  for (const browser of browsers) {
    const begun = await room.followLink(browser.visit(), code)
    browser.took(begun)
    answers.push((await browser.through(begun.redirect)).searchParams)
  }
  const raced = await Promise.allSettled(
    answers.map((answer, index) => room.finishLogin((browsers[index] as Browser).visit(), answer)),
  )
  assert.deepEqual(raced.map(({ status }) => status).toSorted(), ['fulfilled', ...Array(4).fill('rejected')])
  assert.equal(room.sessions.count, 1)
  await assert.rejects(room.followLink(browserOf().visit(), code), over)
})

inRoom('a link is good for ten minutes, whatever is done to the clock', async (room) => {
  const { url } = await room.links.forOperator(authorised('login-link:create'))
  const code = codeOf(url)
  room.clock.pass(599_000)
  await room.followLink(browserOf().visit(), code)
  room.clock.set(-20 * 60_000)
  await assert.rejects(room.followLink(browserOf().visit(), code), over, 'from before it was made')
  room.clock.set(20 * 60_000)
  room.clock.pass(1_000)
  await assert.rejects(room.followLink(browserOf().visit(), code), over)
  for (const wrong of ['', 'x', code.slice(1), `${code}A`, 'A'.repeat(43)])
    await assert.rejects(room.followLink(browserOf().visit(), wrong), { code: 'LINK_UNKNOWN', kind: 'denied' }, wrong)
})

inRoom('an invitation brings somebody new, with the role it was made for', async (room) => {
  const admin = { kind: 'person', id: 'usr_admin', session: 's' } as const
  const by = { ...authorised('member:invite', admin), tenant: 'acme' }
  const { url, recorded } = await room.links.invite(by, '  Zoë\u202e ', 'viewer')
  assert.equal(recorded.tenant, 'acme', 'whom a tenant invites is its own matter')
  const row = await room.store.db.selectFrom('login_links').selectAll().executeTakeFirstOrThrow()
  assert.deepEqual([row.name, row.kind, row.created_by], ['Zoë', 'invite', 'person:usr_admin'])
  assert.match(row.subject, /^invited-[0-9a-f]{20}$/)
  room.provider.mood.account = { sub: 'zoe' }
  const browser = browserOf()
  await follow(room, browser, codeOf(url))
  assert.deepEqual(room.begun[0]?.grants, [{ tenant: 'acme', role: 'viewer' }])
  assert.equal(room.begun[0]?.by, 'person:usr_admin')
  for (const name of ['', ' ', '\u200b\u0000', 'x'.repeat(65)])
    await assert.rejects(room.links.invite(by, name, 'viewer'), { code: 'LINK_NAME' }, name)
})

inRoom('POL-3: open invitations are listed in their tenant, and one that is withdrawn leads nowhere', async (room) => {
  const by = (tenant: string) => ({ ...authorised('member:invite'), tenant })
  const list = (tenant: string) => room.links.invitations({ ...authorised('member:list'), tenant })
  const first = await room.links.invite(by('acme'), 'Zoë', 'viewer')
  await room.links.invite(by('acme'), 'Bo', 'auditor')
  await room.links.forOperator(authorised('login-link:create'))
  const found = await list('acme')
  assert.deepEqual(found.map(({ name, role }) => `${name} ${role}`).sort(), ['Bo auditor', 'Zoë viewer'])
  assert.deepEqual(await list('zeta'), [])
  const id = found.find(({ name }) => name === 'Zoë')?.id ?? ''
  await assert.rejects(room.links.withdraw(by('zeta'), id), { code: 'INVITATION_UNKNOWN' })
  assert.equal((await room.links.withdraw(by('acme'), id)).tenant, 'acme')
  assert.deepEqual(
    (await list('acme')).map(({ name }) => name),
    ['Bo'],
  )
  await assert.rejects(room.links.withdraw(by('acme'), id), { code: 'INVITATION_UNKNOWN' })
  await assert.rejects(follow(room, browserOf(), codeOf(first.url)))
})

inRoom(
  'who makes too many links keeps them from nobody else: each maker, tenant and kind has its own',
  async (room) => {
    const person = (id: string) => ({ kind: 'person', id, session: 's' }) as const
    const invite = (tenant: string, maker: string) =>
      room.links.invite({ ...authorised('member:invite', person(maker)), tenant }, 'Bob', 'viewer')
    const { db } = room.store
    const own = await invite('acme', 'usr_a')
    const row = await db.selectFrom('login_links').selectAll().executeTakeFirstOrThrow()
    const fill = async (maker: string, count: number) => {
      const rows = Array.from({ length: count }, (_, i) => ({ ...row, code_hash: `${maker} ${i}`, created_by: maker }))
      await db.insertInto('login_links').values(rows).execute()
    }
    await fill('person:usr_a', 99)
    const refused = { code: 'LINKS_TOO_MANY', kind: 'exhausted' }
    await assert.rejects(invite('acme', 'usr_a'), refused)
    await fill('person:usr_b', 99)
    await invite('acme', 'usr_c')
    await assert.rejects(invite('acme', 'usr_d'), refused)
    await invite('zeta', 'usr_a')
    await room.links.forOperator(authorised('login-link:create'))
    const emergency = { name: 'Grace', reason: 'the provider is down', minutes: 30 }
    await room.links.breakGlass(authorised('break-glass:open'), emergency)
    await follow(room, browserOf(), codeOf(own.url))
    await invite('acme', 'usr_a')
    await assert.rejects(invite('acme', 'usr_a'), refused, 'the one that was used made room for one')
    room.clock.pass(600_000)
    await invite('acme', 'usr_a')
    assert.equal((await db.selectFrom('login_links').selectAll().execute()).length, 1)
  },
)

inRoom(
  'the built-in provider is told whom a link is for, and what it says without one lets nobody in',
  async (room) => {
    room.provider.mood.account = { sub: 'operator' }
    await assert.rejects(signInAs(room, browserOf()), { code: 'LOGIN_UNPROVEN' })
    const { url } = await room.links.forOperator(authorised('login-link:create'))
    const browser = browserOf()
    const begun = await room.followLink(browser.visit(), codeOf(url))
    assert.match(new URL(begun.redirect).searchParams.get('login_hint') ?? '', /^eyJ/)
    browser.took(begun)
    const back = await browser.through(begun.redirect)
    browser.took(await room.finishLogin(browser.visit(), back.searchParams))
    const { person } = await room.acts.view(browser.visit())
    room.provider.mood.account = { sub: 'somebody-else' }
    const second = await room.links.forOperator(authorised('login-link:create'), person.id)
    await assert.rejects(follow(room, browserOf(), codeOf(second.url)), { code: 'LOGIN_UNPROVEN' })
    room.provider.mood.account = { sub: 'operator' }
    await follow(room, browserOf(), codeOf(second.url))
    assert.equal((await room.acts.view(browser.visit())).sessions.length, 2)
    await assert.rejects(room.links.forOperator(authorised('login-link:create'), 'usr_00000000000000000000'), {
      code: 'PERSON_UNKNOWN',
    })
  },
  { builtIn: true },
)

inRoom('nobody is let in as a person of a provider of their own', async (room) => {
  const browser = browserOf()
  await signInAs(room, browser)
  const { person } = await room.acts.view(browser.visit())
  await assert.rejects(room.links.forOperator(authorised('login-link:create'), person.id), {
    code: 'LINK_PERSON',
    kind: 'conflict',
  })
})
