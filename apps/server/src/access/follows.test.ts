// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLog, isSealwatchError, systemClock } from '@sealwatch/base'
import { across, createOutbox, openStore, type Store } from '../store/index.ts'
import { type Access, openAccess } from './access.ts'
import type { Action } from './actions.ts'
import type { Authorised } from './gate.ts'
import type { Principal } from './principal.ts'

/** The real store on a disk that may be full; lines come into the ledger when the test says so. */
async function room() {
  const real = openStore(':memory:')
  const disk = { isFull: false }
  const transaction: Store['transaction'] = (work) =>
    real.transaction(async (tx) => {
      const done = await work(tx)
      if (disk.isFull) throw Object.assign(new Error('database or disk is full'), { errcode: 13 })
      return done
    })
  const store: Store = { ...real, transaction, taking: transaction }
  const waiting: { readonly line: Promise<number>; readonly enter: () => void }[] = []
  const outbox = {
    ...createOutbox(store),
    enqueue: async () => {
      const { promise, resolve } = Promise.withResolvers<number>()
      waiting.push({ line: promise, enter: () => resolve(0) })
      return String(waiting.length - 1)
    },
    committed: ((uid: string) => waiting[Number(uid)]?.line) as ReturnType<typeof createOutbox>['committed'],
    recorded: async (uid: string) => waiting[Number(uid)]?.line,
  }
  const device = { uid: 'd', hostname: 'h', type_id: 0, type: 'Unknown' }
  const voice = { device: { ...device, os: { name: 'Linux', type_id: 200, type: 'Linux' } }, version: '0' } as never
  const log = createLog(
    'test',
    () => undefined,
    () => 0,
  )
  const open = () => openAccess({ store, outbox, voice, clock: systemClock, log, stateOf: () => 'active' })
  return { open, disk, waiting, store }
}
type Room = Awaited<ReturnType<typeof room>>

const tenant = 'acme'
const person = (id: string): Principal => ({ kind: 'person', id, session: 's' })
const by = <A extends Action>({ gate }: Access, action: A): Authorised<A> =>
  gate.authorise({ kind: 'operator', id: 'root' }, action, { tenant, requestId: 'req_1' })
const mapped = ({ gate }: Access, group = 'sec', role = 'viewer') =>
  [
    gate.authorise({ kind: 'operator', id: 'root' }, 'group:map', { tenant: 'cluster', requestId: 'req_1' }),
    { tenant, group, role },
  ] as const
/** All that can go on does, until only lines are waited for. */
const settled = async () => {
  for (let i = 0; i < 8; i += 1) await new Promise(setImmediate)
}
const enterAll = async ({ waiting }: Room) => {
  for (let entered = -1; entered !== waiting.length; ) {
    entered = waiting.length
    for (const { enter } of waiting) enter()
    await settled()
  }
}

const people = ['usr_a', 'usr_b']
const roles = ['viewer', 'custom/one', 'custom/two']
const asked = ['alert:list', 'host:list', 'policy:read', 'member:grant'] as const

/** What the gate says, and what is shown. */
const seen = (access: Access) => ({
  may: people.map((id) => asked.map((action) => access.gate.mayDo(person(id), action, tenant))),
  held: people.map((id) => access.grants.rolesOf(person(id), tenant).toSorted()),
  given: access.grants
    .list(by(access, 'member:list'))
    .map(({ personId, role, grantedBy }) => [personId, role, grantedBy])
    .toSorted(),
  roles: access.roles.of(tenant).toSorted((a, b) => (a.name < b.name ? -1 : 1)),
  groups: access.groupRoles
    .list(by(access, 'member:list'))
    .map(({ group, role }) => `${group} ${role}`)
    .toSorted(),
})

test('POL-3: a grant that is given again while it is taken stays taken', async () => {
  const it = await room()
  const access = await it.open()
  const grants = [by(access, 'member:grant'), 'usr_a', 'viewer'] as const
  const given = access.grants.grant(...grants)
  await enterAll(it)
  await given
  const again = access.grants.grant(...grants)
  await settled()
  const taken = access.grants.revoke(...grants)
  await settled()
  assert.ok(!access.gate.mayDo(person('usr_a'), 'alert:list', tenant), 'at once')
  await enterAll(it)
  await Promise.all([again, taken])
  assert.ok(!access.gate.mayDo(person('usr_a'), 'alert:list', tenant), 'the line of the grant came later')
})

test('POL-3: of two admins who are taken at once, one stays', async () => {
  const it = await room()
  const access = await it.open()
  const admins = people.map((id) => [by(access, 'member:grant'), id, 'tenant_admin'] as const)
  const given = admins.map((one) => access.grants.grant(...one))
  await enterAll(it)
  await Promise.all(given)
  const taken = Promise.allSettled(admins.map((one) => access.grants.revoke(...one)))
  await enterAll(it)
  assert.deepEqual(
    (await taken).map((one) => one.status === 'rejected' && (one.reason as { code: string }).code),
    [false, 'GRANT_LAST_ADMIN'],
  )
})

test('POL-3: of those who give at once nobody passes the limit, though no line is in the ledger yet', async () => {
  const it = await room()
  const open = { since: '2026-01-01T00:00:00.000000000Z', until: '2099-01-01T00:00:00.000000000Z' }
  await it.store.transaction(async (tx) => {
    const given = { granted_at: open.since, granted_by: 'operator:root' }
    const token = { tenant, actions: '[]', created_at: open.since, created_by: 'operator:root', ended_at: null }
    const used = { expires_at: open.until, last_used_at: null, revoked_at: null }
    for (let i = 0; i < 999; i += 1) {
      await tx
        .insertInto('grants')
        .values({ tenant, person_id: `p${i}`, role: 'viewer', ...given })
        .execute()
      await tx
        .insertInto('group_roles')
        .values({ tenant, group_name: `g${i}`, role: 'viewer' })
        .execute()
      await tx
        .insertInto('api_tokens')
        .values({ ...token, ...used, token_id: `t${i}`, name: 'n', secret_hash: `${i}` })
        .execute()
      if (i < 99)
        await tx
          .insertInto('custom_roles')
          .values({ tenant, name: `r${i}`, actions: '[]', updated_at: open.since })
          .execute()
    }
  })
  const access = await it.open()
  const token = { name: 'n', actions: ['alert:list'], ttlSeconds: 60 }
  const given: (() => Promise<unknown>)[] = ['one', 'two'].flatMap((name) => [
    () => access.grants.grant(by(access, 'member:grant'), name, 'viewer'),
    () => access.groupRoles.put(...mapped(access, name)),
    () => access.roles.put(by(access, 'role:write'), name, ['alert:list']),
    () => access.tokens.create(by(access, 'token:create'), token),
  ])
  const all = Promise.allSettled(given.map((give) => give()))
  await enterAll(it)
  assert.deepEqual(
    (await all).map((one) => (one.status === 'rejected' ? (one.reason as { code: string }).code : 'given')),
    [...Array(4).fill('given'), ...Array(4).fill('ACCESS_TOO_MANY')],
  )
  const again = access.grants.grant(by(access, 'member:grant'), 'one', 'viewer')
  await enterAll(it)
  await again
})

test('POL-3: a role that is being granted is in use, and one that is removed is not granted', async () => {
  const it = await room()
  const access = await it.open()
  const put = access.roles.put(by(access, 'role:write'), 'one', ['alert:list'])
  await enterAll(it)
  await put
  const given = access.grants.grant(by(access, 'member:grant'), 'usr_a', 'custom/one')
  await assert.rejects(access.roles.remove(by(access, 'role:write'), 'one'), { code: 'ROLE_IN_USE' })
  await enterAll(it)
  await given
  const taken = access.grants.revoke(by(access, 'member:grant'), 'usr_a', 'custom/one')
  const removed = access.roles.remove(by(access, 'role:write'), 'one')
  await assert.rejects(access.grants.grant(by(access, 'member:grant'), 'usr_a', 'custom/one'), { code: 'ROLE_UNKNOWN' })
  await enterAll(it)
  await Promise.all([taken, removed])
})

test('LOG-6: what is taken on a full disk holds, is said not to be durable, and is when it is asked for again', async () => {
  const it = await room()
  const access = await it.open()
  const grants = [by(access, 'member:grant'), 'usr_a', 'viewer'] as const
  const given = access.grants.grant(...grants)
  const created = access.tokens.create(by(access, 'token:create'), {
    name: 'n',
    actions: ['alert:list'],
    ttlSeconds: 60,
  })
  await enterAll(it)
  await given
  const { token, row } = await created
  const again = access.grants.grant(...grants)
  await settled()
  it.disk.isFull = true
  const revokeToken = () => access.tokens.revoke(by(access, 'token:revoke'), row.tokenId)
  const kept = { code: 'NOT_DURABLE', kind: 'unavailable' }
  await assert.rejects(access.grants.revoke(...grants), kept)
  await assert.rejects(revokeToken(), kept)
  await assert.rejects(access.grants.grant(by(access, 'member:grant'), 'usr_b', 'viewer'))
  await enterAll(it)
  await again
  const isIn = () => [access.gate.mayDo(person('usr_a'), 'alert:list', tenant), access.tokens.principalOf(token)]
  assert.deepEqual(isIn(), [false, undefined])
  assert.deepEqual(access.grants.rolesOf(person('usr_b'), tenant), [])
  const early = await it.open()
  assert.deepEqual(early.grants.rolesOf(person('usr_a'), tenant), ['viewer'], 'as the answer says')
  it.disk.isFull = false
  const taken = Promise.all([access.grants.revoke(...grants), revokeToken()])
  await enterAll(it)
  await taken
  const late = await it.open()
  assert.deepEqual([late.grants.rolesOf(person('usr_a'), tenant), late.tokens.principalOf(token)], [[], undefined])
  const anew = access.grants.grant(...grants)
  await enterAll(it)
  await anew
  assert.ok(access.gate.mayDo(person('usr_a'), 'alert:list', tenant), 'it may be given again')
})

test('POL-3: what a group gave and somebody gives by hand stays when the group goes, after a restart too', async () => {
  const it = await room()
  const access = await it.open()
  const done = async (work: Promise<unknown>) => {
    await enterAll(it)
    await work
  }
  await done(access.groupRoles.put(...mapped(access)))
  const joined = Promise.all(people.map((id) => access.groupRoles.apply(id, ['sec'], 'req_1')))
  await enterAll(it)
  await enterAll(it)
  await joined
  await done(access.grants.grant(by(access, 'member:grant'), 'usr_a', 'viewer'))
  assert.deepEqual(seen(access), seen(await it.open()))
  await done(access.groupRoles.remove(...mapped(access)))
  for (const one of [access, await it.open()]) assert.deepEqual(seen(one).held, [['viewer'], []])
})

/** mulberry32 */
const drawing = (seed: number) => (below: number) => {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) % below
}

const told = ['ROLE_UNKNOWN', 'ROLE_IN_USE', 'GRANT_UNKNOWN', 'NOT_DURABLE', undefined]

/** Acts in any order, whose lines come in any other, now and then on a full disk. */
async function interleave(seed: number): Promise<void> {
  const draw = drawing(seed)
  const one = <T>(of: readonly T[]): T => of[draw(of.length)] as T
  const it = await room()
  const access = await it.open()
  const again = new Map<string, () => Promise<unknown>>()
  const running = new Set<Promise<void>>()
  const acts: (() => [name: string, take: (() => Promise<unknown>) | undefined, give?: () => Promise<unknown>])[] = [
    () => {
      const at = [by(access, 'member:grant'), one(people), one(roles)] as const
      return [`grant ${at[1]} ${at[2]}`, () => access.grants.revoke(...at), () => access.grants.grant(...at)]
    },
    () => {
      const name = one(['one', 'two'])
      const may = one([['alert:list'], ['alert:list', 'host:list'], ['policy:read']])
      const write = by(access, 'role:write')
      return [`role ${name}`, () => access.roles.remove(write, name), () => access.roles.put(write, name, may)]
    },
    () => {
      const at = mapped(access, one(['sec', 'ops']), one(roles))
      return [
        `group ${at[1].group} ${at[1].role}`,
        () => access.groupRoles.remove(...at),
        () => access.groupRoles.put(...at),
      ]
    },
    () => {
      const groups = [['sec'], ['ops'], ['sec', 'ops'], []]
      const [id, own] = [one(people), one(groups)]
      return [`apply ${id}`, undefined, () => access.groupRoles.apply(id, own, 'req_1')]
    },
  ]
  for (let step = 0; step < 120; step += 1) {
    const what = draw(10)
    if (what < 5) {
      const [name, take, give] = one(acts)()
      const work = (draw(2) === 0 ? take : give) ?? give
      const act = (work as () => Promise<unknown>)().then(
        () => undefined,
        (error: unknown) => {
          const { code } = error as { code?: string }
          const isFull = (error as { errcode?: number }).errcode === 13
          if (code === 'NOT_DURABLE' && take !== undefined) again.set(name, take)
          assert.ok(isFull || told.includes(code), `seed ${seed}: ${error}`)
        },
      )
      running.add(act)
      void act.then(() => running.delete(act)).catch(() => undefined)
    } else if (what < 9) it.waiting[draw(it.waiting.length + 1)]?.enter()
    else it.disk.isFull = !it.disk.isFull
    if (draw(2) === 0) continue
    await settled()
    const where = `seed ${seed}, step ${step}`
    const db = across(it.store.db, 'status')
    const grants = await db.selectFrom('grants').selectAll().execute()
    const custom = await db.selectFrom('custom_roles').selectAll().execute()
    const groups = await db.selectFrom('group_roles').selectAll().execute()
    for (const [i, own] of seen(access).held.entries())
      for (const role of own)
        assert.ok(
          grants.some((row) => row.person_id === people[i] && row.role === role),
          `${where}: ${role} is held`,
        )
    for (const { role } of [...grants, ...groups])
      assert.ok(role === 'viewer' || custom.some(({ name }) => role === `custom/${name}`), `${where}: ${role} is there`)
  }
  it.disk.isFull = false
  const finish = async () => {
    while (running.size > 0) {
      await settled()
      await enterAll(it)
    }
  }
  await finish()
  for (let round = 0; again.size > 0 && round < 4; round += 1)
    for (const [name, take] of again) {
      const act = take().then(
        () => void again.delete(name),
        (error: unknown) => {
          // In use: whoever holds it is taken it from first.
          if (!isSealwatchError(error, 'ROLE_IN_USE') || round === 3) again.delete(name)
        },
      )
      running.add(act)
      void act.then(() => running.delete(act))
      await finish()
    }
  for (const id of people) {
    const applied = access.groupRoles.apply(id, [], 'req_1')
    running.add(applied)
    void applied.then(() => running.delete(applied))
    await finish()
  }
  assert.deepEqual(seen(access), seen(await it.open()), `seed ${seed}`)
}

test('POL-3: whatever overlaps, nobody holds more than the database says, and in the end the two agree', async () => {
  for (let seed = 1; seed <= 8; seed += 1) await interleave(seed)
})
