// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Clock, createLog, systemClock } from '@sealwatch/base'
import type { Body } from '@sealwatch/ledger'
import { across, createOutbox, openStore } from '../store/index.ts'
import { openAccess } from './access.ts'
import type { Action } from './actions.ts'
import type { Authorised } from './gate.ts'
import type { Principal } from './principal.ts'

type Lines = {
  readonly metadata: { readonly event_code: string }
  readonly actor: { readonly user: { readonly uid: string } }
}[]

/** The real store; what is enqueued counts as recorded at once. */
async function room(clock: Clock = systemClock) {
  const store = openStore(':memory:')
  const lines: { tenant: string; event: Lines[number] & { unmapped: Record<string, unknown> } }[] = []
  const outbox = {
    ...createOutbox(store),
    enqueue: async (_tx: unknown, tenant: string, body: Body) => {
      lines.push({ tenant, event: (body as unknown as { event: (typeof lines)[number]['event'] }).event })
      return String(lines.length)
    },
    committed: (async (uid: string) => Number(uid)) as ReturnType<typeof createOutbox>['committed'],
    recorded: async (uid: string) => Number(uid),
  }
  const state: Record<string, 'active' | 'suspended'> = { cluster: 'active', acme: 'active', zeta: 'active' }
  const options = {
    store,
    outbox,
    voice: {
      device: {
        uid: 'd',
        hostname: 'h',
        type_id: 0,
        type: 'Unknown',
        os: { name: 'Linux', type_id: 200, type: 'Linux' },
      },
      version: '0',
    } as never,
    clock,
    log: createLog(
      'test',
      () => undefined,
      () => 0,
    ),
    stateOf: (tenant: string) => state[tenant],
  }
  return { open: () => openAccess(options), lines, state, store }
}

const person = (id: string): Principal => ({ kind: 'person', id, session: 's' })
const root: Principal = { kind: 'operator', id: 'root' }
const as = <A extends Action>(
  access: Awaited<ReturnType<typeof openAccess>>,
  principal: Principal,
  action: A,
  tenant: string,
): Authorised<A> => access.gate.authorise(principal, action, { tenant, requestId: 'req_1' })

test('POL-3: what is granted counts at once and after a restart, what is taken is gone at once', async () => {
  const { open, lines, state } = await room()
  const access = await open()
  await access.grants.grant(as(access, root, 'member:grant', 'acme'), 'usr_a', 'tenant_admin')
  const byAdmin = as(access, person('usr_a'), 'member:grant', 'acme')
  await access.grants.grant(byAdmin, 'usr_b', 'viewer')
  assert.ok(access.gate.mayDo(person('usr_b'), 'alert:list', 'acme'))
  assert.deepEqual(access.grants.tenantsOf('usr_b'), ['acme'])
  state.acme = 'suspended'
  assert.deepEqual(access.grants.tenantsOf('usr_b'), [])
  state.acme = 'active'
  const again = await open()
  assert.deepEqual(
    again.grants.list(as(again, root, 'member:list', 'acme')),
    access.grants.list(as(access, root, 'member:list', 'acme')),
  )
  await access.grants.revoke(byAdmin, 'usr_b', 'viewer')
  assert.ok(!access.gate.mayDo(person('usr_b'), 'alert:list', 'acme'))
  assert.deepEqual(
    lines.map(({ tenant, event }) => [tenant, event.metadata.event_code, event.actor.user.uid]),
    [
      ['acme', 'role_granted', 'operator:root'],
      ['acme', 'role_granted', 'person:usr_a'],
      ['acme', 'role_taken', 'person:usr_a'],
    ],
  )
})

test('nobody hands on what they may not do, and the last admin stays', async () => {
  const { open } = await room()
  const access = await open()
  const byRoot = as(access, root, 'member:grant', 'acme')
  await access.roles.put(as(access, root, 'role:write', 'acme'), 'granter', [
    'member:grant',
    'role:write',
    'token:create',
    'alert:list',
  ])
  await access.grants.grant(byRoot, 'usr_g', 'custom/granter')
  await access.grants.grant(byRoot, 'usr_a', 'tenant_admin')
  const byGranter = as(access, person('usr_g'), 'member:grant', 'acme')
  await assert.rejects(access.grants.grant(byGranter, 'usr_g', 'tenant_admin'), { code: 'GRANT_BEYOND_OWN' })
  await assert.rejects(
    access.roles.put(as(access, person('usr_g'), 'role:write', 'acme'), 'granter', ['host:revoke']),
    { code: 'GRANT_BEYOND_OWN' },
  )
  const token = { name: 'x', ttlSeconds: 3600 }
  await assert.rejects(
    access.tokens.create(as(access, person('usr_g'), 'token:create', 'acme'), { ...token, actions: ['host:revoke'] }),
    {
      code: 'GRANT_BEYOND_OWN',
    },
  )
  await access.tokens.create(as(access, person('usr_g'), 'token:create', 'acme'), { ...token, actions: ['alert:list'] })
  await assert.rejects(access.grants.grant(byGranter, 'usr_x', 'emperor'), { code: 'ROLE_UNKNOWN' })
  await assert.rejects(
    access.grants.grant(byRoot, 'usr_x', 'cluster_admin'),
    { code: 'ROLE_UNKNOWN' },
    'there is none in a tenant',
  )
  await assert.rejects(access.grants.revoke(byRoot, 'usr_a', 'tenant_admin'), { code: 'GRANT_LAST_ADMIN' })
  await assert.rejects(access.grants.revoke(byRoot, 'usr_a', 'viewer'), { code: 'GRANT_UNKNOWN' })
})

test('a custom role is made of actions that exist, and goes when nobody holds it', async () => {
  const { open } = await room()
  const access = await open()
  const by = as(access, root, 'role:write', 'acme')
  for (const [name, may] of [
    ['viewer', ['alert:list']],
    ['Upper', ['alert:list']],
    ['x'.repeat(33), ['alert:list']],
    ['\u0430dmin', ['alert:list']],
    ['oncall', []],
    ['oncall', ['alert:lst']],
    ['oncall', ['tenant:erase']],
    ['oncall', ['agent:report']],
  ] as const)
    await assert.rejects(access.roles.put(by, name, may), { code: 'ROLE_INVALID' }, `${name} ${may}`)
  await access.roles.put(by, 'oncall', ['alert:list'])
  await access.grants.grant(as(access, root, 'member:grant', 'acme'), 'usr_a', 'custom/oncall')
  await assert.rejects(access.grants.grant(as(access, root, 'member:grant', 'zeta'), 'usr_a', 'custom/oncall'), {
    code: 'ROLE_UNKNOWN',
  })
  await assert.rejects(access.roles.remove(by, 'oncall'), { code: 'ROLE_IN_USE' })
  await access.grants.revoke(as(access, root, 'member:grant', 'acme'), 'usr_a', 'custom/oncall')
  await access.roles.remove(by, 'oncall')
  await assert.rejects(access.roles.remove(by, 'oncall'), { code: 'ROLE_UNKNOWN' })
})

test('POL-3: a token is shown once, kept as a hash, ends by time or by hand, and is of one tenant', async () => {
  let nowNs = 1_800_000_000_000_000_000n
  const clock: Clock = { ...systemClock, nowNs: () => nowNs, nowMs: () => Number(nowNs / 1_000_000n) }
  const { open, store, lines } = await room(clock)
  const access = await open()
  const by = as(access, root, 'token:create', 'acme')
  const { token, row } = await access.tokens.create(by, {
    name: ' CI \u0301',
    actions: ['alert:list', 'alert:list'],
    ttlSeconds: 60,
  })
  assert.match(token, /^swt_[A-Za-z0-9_-]{43}[0-9a-f]{8}$/)
  const stored =
    JSON.stringify(await across(store.db, 'status').selectFrom('api_tokens').selectAll().execute()) +
    JSON.stringify(lines)
  assert.ok(!stored.includes(token.slice(4, 47)))
  const principal = { kind: 'machine', id: row.tokenId, tenant: 'acme', actions: ['alert:list'] }
  assert.deepEqual(access.tokens.principalOf(token), principal)
  assert.deepEqual((await open()).tokens.principalOf(token), principal)
  for (const wrong of [
    '',
    'swt_',
    token.slice(0, -1),
    `${token}0`,
    token.replace(/.$/, (c) => (c === '0' ? '1' : '0')),
    `swt_${'A'.repeat(43)}00000000`,
  ])
    assert.equal(access.tokens.principalOf(wrong), undefined, wrong)
  nowNs += 60_000_000_000n
  assert.equal(access.tokens.principalOf(token), undefined, 'it has ended')
  nowNs -= 60_000_000_000n
  await assert.rejects(access.tokens.revoke(as(access, root, 'token:revoke', 'zeta'), row.tokenId), {
    code: 'API_TOKEN_UNKNOWN',
  })
  await access.tokens.revoke(as(access, root, 'token:revoke', 'acme'), row.tokenId)
  assert.equal(access.tokens.principalOf(token), undefined)
  for (const wrong of [
    { name: '' },
    { name: 'a\u202eb' },
    { name: 'x'.repeat(65) },
    { actions: [] },
    { actions: ['x:y'] },
    { ttlSeconds: 59 },
    { ttlSeconds: 1e9 },
    { ttlSeconds: 60.5 },
  ])
    await assert.rejects(access.tokens.create(by, { name: 'n', actions: ['alert:list'], ttlSeconds: 60, ...wrong }), {
      code: 'TOKEN_INVALID',
    })
})

test('POL-1: a thousand denials of a kind are two lines, and none is lost', async () => {
  const { open, lines } = await room()
  const access = await open()
  const stop = new AbortController()
  const running = access.denials.run(stop.signal)
  for (let i = 0; i < 1000; i += 1)
    assert.throws(() => as(access, person('usr_a'), 'alert:list', 'acme'), { code: 'ACCESS_DENIED' })
  assert.throws(() => as(access, person('usr_a'), 'alert:list', 'nowhere'))
  stop.abort()
  await running
  assert.equal(access.denials.count, 1001)
  const told = lines.map(({ tenant, event }) => [tenant, event.metadata.event_code, event.unmapped.denied_times])
  assert.deepEqual(told, [
    ['acme', 'access_denied', 1],
    ['cluster', 'access_denied', 1],
    ['acme', 'access_denied', 999],
  ])
})

test('POL-3: a token that a token made ends with it, and so does one that that one made', async () => {
  const { open } = await room()
  const access = await open()
  const actions = ['token:create', 'alert:list']
  const make = async (by: Authorised<'token:create'>) =>
    (await access.tokens.create(by, { name: 'n', actions, ttlSeconds: 3600 })).token
  const byToken = (token: string) => as(access, access.tokens.principalOf(token) as Principal, 'token:create', 'acme')
  const first = await make(as(access, root, 'token:create', 'acme'))
  const second = await make(byToken(first))
  const third = await make(byToken(second))
  assert.ok(access.tokens.principalOf(third))
  const again = await open()
  assert.ok(again.tokens.principalOf(third), 'after a restart')
  const { id } = access.tokens.principalOf(first) as { id: string }
  await access.tokens.revoke(as(access, root, 'token:revoke', 'acme'), id)
  for (const token of [first, second, third]) {
    assert.equal(access.tokens.principalOf(token), undefined)
    assert.equal((await open()).tokens.principalOf(token), undefined)
  }
})
