// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { authorised, browserOf, codeOf, type Room, signInRoom } from '../../../test/sign-in-room.ts'

const inRoom = (name: string, work: (room: Room) => Promise<void>) =>
  test(name, async () => {
    const room = await signInRoom()
    try {
      await work(room)
    } finally {
      await room.close()
    }
  })

const reason = 'the provider is down and a host is under attack'
const open = (room: Room, change: object = {}) =>
  room.links.breakGlass(authorised('break-glass:open'), { name: 'Alice', reason, minutes: 30, ...change })
const by = authorised('break-glass:acknowledge')

inRoom('break-glass access is loud when it is opened and when it is used, and ends within its time', async (room) => {
  // Of all times it is needed now.
  room.provider.mood.status = 503
  const { url, id } = await open(room)
  const [person, opened, ...rest] = room.lines
  assert.deepEqual([person?.metadata.event_code, rest], ['person_created', []])
  assert.deepEqual(
    [opened?.metadata.event_code, opened?.severity, opened?.is_alert, opened?.class_uid],
    ['break_glass_opened', 'Critical', true, 2004],
  )
  const browser = browserOf()
  const sent = await room.followLink(browser.visit(), codeOf(url))
  assert.equal(sent.redirect, '/')
  browser.took(sent)
  assert.deepEqual(room.codes().slice(2), ['break_glass_used', 'login'])
  assert.deepEqual([room.lines[2]?.severity, room.lines[3]?.severity], ['Critical', 'High'])
  const { session, tenant, person: who } = await room.acts.view(browser.visit())
  assert.deepEqual([session.method, tenant, who.name], ['break_glass', 'cluster', 'Alice'])
  assert.deepEqual(room.begun[0]?.grants, [{ tenant: 'cluster', role: 'cluster_admin' }])
  assert.equal(room.lines[2]?.evidences[0]?.data.person, who.id)
  assert(!JSON.stringify(room.lines).includes('Alice'))
  assert.match(room.logged.join(''), /BREAK GLASS/)
  const waiting = await room.breakGlass.waiting()
  assert.deepEqual(
    waiting.map((row) => [row.id, row.personId, row.usedAt !== null, row.reason]),
    [[id, who.id, true, reason]],
  )
  const own = authorised('break-glass:acknowledge', { kind: 'person', id: who.id, session: session.id })
  await assert.rejects(room.breakGlass.acknowledge(own, id), { code: 'BREAK_GLASS_OWN', kind: 'denied' })
  for (let minute = 0; minute < 29; minute += 1) {
    room.clock.pass(60_000)
    await room.acts.view(browser.visit())
  }
  room.clock.pass(60_000)
  await assert.rejects(room.acts.view(browser.visit()), { code: 'SESSION_NONE' })
  await assert.rejects(room.followLink(browserOf().visit(), codeOf(url)), { code: 'LINK_OVER' })
})

inRoom('it is shown until somebody has acknowledged it, used or not', async (room) => {
  const { id } = await open(room)
  const { url } = await open(room)
  await room.followLink(browserOf().visit(), codeOf(url))
  room.clock.pass(3_600_000)
  assert.equal((await room.breakGlass.waiting()).length, 2)
  await room.breakGlass.acknowledge(by, id)
  assert.equal((await room.breakGlass.waiting()).length, 1)
  assert.equal(room.codes().at(-1), 'break_glass_acknowledged')
  for (const wrong of [id, 'bg_x', ''])
    await assert.rejects(room.breakGlass.acknowledge(by, wrong), { code: 'BREAK_GLASS_UNKNOWN', kind: 'not_found' })
})

inRoom('of all who open the link at once, one comes in', async (room) => {
  const { url } = await open(room)
  const raced = await Promise.allSettled(
    [1, 2, 3].map((index) => room.followLink(browserOf(`192.0.2.${index}`).visit(), codeOf(url))),
  )
  assert.deepEqual(raced.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected', 'rejected'])
  assert.equal(room.sessions.count, 1)
  assert.equal(room.codes().filter((code) => code === 'break_glass_used').length, 1)
})

inRoom('of what was acknowledged the newest thousand are remembered', async (room) => {
  const { id } = await open(room)
  const row = await room.store.db.selectFrom('break_glass').selectAll().executeTakeFirstOrThrow()
  for (let index = 0; index < 1_001; index += 1) {
    const opened_at = `2026-01-01T00:00:00.${String(index).padStart(9, '0')}Z`
    const old = { ...row, id: `bg_${index}`, opened_at, acknowledged_at: opened_at, acknowledged_by: 'operator:root' }
    await room.store.db.insertInto('break_glass').values(old).execute()
  }
  await open(room)
  const ids = (await room.store.db.selectFrom('break_glass').select('id').execute()).map((one) => one.id)
  assert.deepEqual(
    [ids.length, ids.includes(id), ids.includes('bg_0'), ids.includes('bg_1')],
    [1_002, true, false, true],
  )
})

inRoom('it has a name, a reason and an end within the hour', async (room) => {
  for (const change of [{ reason: 'short' }, { reason: `x${'\u200b'.repeat(20)}` }, { reason: 'x'.repeat(501) }])
    await assert.rejects(open(room, change), { code: 'BREAK_GLASS_REASON' })
  for (const minutes of [0, 61, 1.5, Number.NaN])
    await assert.rejects(open(room, { minutes }), { code: 'BREAK_GLASS_REASON', advice: /1 to 60/ })
  await assert.rejects(open(room, { name: '' }), { code: 'LINK_NAME' })
  assert.deepEqual(room.lines, [])
})
