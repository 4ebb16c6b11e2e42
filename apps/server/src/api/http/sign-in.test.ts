// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FastifyInstance, InjectOptions } from 'fastify'
import { onwardOf, pressOf } from '../../../test/follow-link.ts'
import { type Browser, browserOf, codeOf, origin, type Room, signInRoom } from '../../../test/sign-in-room.ts'
import { actionNames, actions, openAccess } from '../../access/index.ts'
import type { Tenant } from '../../tenants/index.ts'
import type { ApiPorts } from '../ports.ts'
import { authenticateNetwork, authenticateOperator, httpApp } from './index.ts'
import { readSession } from './read-session.ts'

/** Rooms whose routes are not asked here. */
const nobodys = {
  trustRoots: undefined as never,
  manifests: undefined as never,
  replays: undefined as never,
  strictness: undefined as never,
  ruleList: undefined as never,
  exceptions: undefined as never,
  requests: undefined as never,
  requestSettings: undefined as never,
  calibrations: undefined as never,
  feedback: undefined as never,
  policies: undefined as never,
  dryRuns: undefined as never,
  drills: undefined as never,
  channels: undefined as never,
  trust: {} as never,
  signoffs: undefined as never,
  examinations: undefined as never,
  api: {} as ApiPorts,
  listening: {} as never,
  rows: undefined as never,
}

const inApp = (name: string, work: (app: App) => Promise<void>, options?: Parameters<typeof signInRoom>[0]) =>
  test(name, async () => {
    const app = await appOf(await signInRoom(options))
    try {
      await work(app)
    } finally {
      await app.room.close()
    }
  })

/** What the routes of sign-in never come to. */
const notAsked = {} as never

type App = Awaited<ReturnType<typeof appOf>>
async function appOf(room: Room) {
  const { store, clock, voice, outbox, log } = room
  const outboxOfAll = {
    ...outbox,
    committed: (async (uid: string) => Number(uid)) as Parameters<typeof openAccess>[0]['outbox']['committed'],
  }
  const tenants = new Set(['cluster', 'default', 'acme', 'zeta'])
  const stateOf = (tenant: string) => (tenants.has(tenant) ? 'active' : undefined)
  const access = await openAccess({ store, outbox: outboxOfAll, voice, clock, log, stateOf } as const)
  const signIn = await room.open(access)
  const get = (name: string) => ({ name, title: `The ${name}s` }) as Tenant
  const registry = { list: () => [...tenants].map(get), get }
  const ofTenants = { registry, tenants: notAsked }
  const options = {
    store,
    clock,
    log,
    access,
    signIn,
    ...nobodys,
    ...ofTenants,
    version: '0',
    limits: { perAddress: 1e6, perTenant: 1e6 },
  }
  const operator = httpApp(options, authenticateOperator({ checkOpen: () => undefined }))
  const network = httpApp(
    options,
    authenticateNetwork(
      access.tokens,
      readSession(signIn, () => origin),
      { note: () => 0 },
    ),
  )
  /** As compose has it done. */
  const erase = async (tenant: string) => {
    tenants.delete(tenant)
    access.forgetTenant(tenant)
    await signIn.forgetTenant(tenant)
    await store.forget(tenant)
  }
  return { room, access, signIn, operator, network, erase }
}

async function ask(app: FastifyInstance, browser: Browser, options: InjectOptions) {
  const headers = { cookie: browser.visit().cookies, ...options.headers }
  const answer = await app.inject({ ...options, headers })
  browser.took({ cookies: [answer.headers['set-cookie'] ?? []].flat() })
  return answer
}

/** By a link that root makes; returns what the session says of itself. */
async function admin({ room, operator, network }: App, browser: Browser, sub: string) {
  room.provider.mood.account = { sub, name: sub }
  const made = await operator.inject({ method: 'POST', url: '/api/v1/login-links', payload: {} })
  assert.equal(made.statusCode, 201, made.body)
  await comeBy({ room, network }, browser, made.json().url)
  return session(network, browser)
}

const press = (network: FastifyInstance, browser: Browser, link: string, more: Record<string, string> = {}) => {
  const { method, path, headers, body } = pressOf(link)
  return ask(network, browser, { method, url: path, headers: { ...headers, ...more }, payload: body })
}

async function comeBy({ network }: Pick<App, 'room' | 'network'>, browser: Browser, link: string) {
  const begun = await press(network, browser, link)
  assert.equal(begun.statusCode, 200, begun.body)
  const back = await browser.through(onwardOf(begun.body))
  const done = await ask(network, browser, { url: back.pathname + back.search })
  assert.equal(done.statusCode, 303, done.body)
  assert.equal(done.headers.location, '/')
}

const session = async (network: FastifyInstance, browser: Browser) =>
  (await ask(network, browser, { url: '/api/v1/session' })).json()
const write = (csrf_token: string) => ({ origin, 'sealwatch-csrf': csrf_token })

inApp('POL-3: a session says what it may in the tenant it is in, and what changed is said at once', async (app) => {
  const { network, operator } = app
  const browser = browserOf()
  const first = await admin(app, browser, 'first')
  const ofAdmins = actionNames.filter((name) => (actions[name].roles as readonly string[]).includes('tenant_admin'))
  assert.deepEqual(first.actions, ofAdmins)

  const asRoot = async (method: 'PUT' | 'POST', url: string, payload?: object) => {
    const headers = { 'sealwatch-tenant': 'acme' }
    const answer = await operator.inject({ method, url, headers, ...(payload === undefined ? {} : { payload }) })
    assert.ok(answer.statusCode < 300, answer.body)
    return answer.json()
  }
  const switchTo = async (tenant: string) => {
    const headers = write((await session(network, browser)).csrf_token)
    const url = '/api/v1/session/tenant'
    const answer = await ask(network, browser, { method: 'POST', url, headers, payload: { tenant } })
    assert.equal(answer.statusCode, 200, answer.body)
    return (await session(network, browser)).actions
  }
  const inCluster = await switchTo('cluster')
  assert.ok(inCluster.includes('person:disable') && inCluster.includes('event:list'), inCluster.join())
  assert.ok(!inCluster.includes('break-glass:open') && !inCluster.includes('login-link:create'), inCluster.join())

  await asRoot('PUT', '/api/v1/roles/watch', { actions: ['host:list', 'alert:list'] })
  await asRoot('PUT', `/api/v1/members/${first.person.person_id}/roles/custom%2Fwatch`)
  assert.deepEqual(await switchTo('acme'), ['alert:list', 'host:list'])
  await asRoot('PUT', '/api/v1/roles/watch', { actions: ['host:list'] })
  assert.deepEqual((await session(network, browser)).actions, ['host:list'])

  const token = { name: 'ci', actions: ['event:list'], ttl_seconds: 600 }
  const made = await asRoot('POST', '/api/v1/tokens', token)
  const headers = { authorization: `Bearer ${made.token}` }
  assert.deepEqual((await network.inject({ url: '/api/v1/session', headers })).json().actions, ['event:list'])
})

inApp('from the first link to two tenants and back, through the routes alone', async (app) => {
  const { network, operator, access } = app
  const browser = browserOf()
  const first = await admin(app, browser, 'first')
  assert.deepEqual([first.tenant, first.tenants, first.person.name], ['default', ['cluster', 'default'], 'first'])
  assert.deepEqual(first.principal, { kind: 'person', id: first.person.person_id })
  const switched = await ask(network, browser, {
    method: 'POST',
    url: '/api/v1/session/tenant',
    headers: write(first.csrf_token),
    payload: { tenant: 'cluster' },
  })
  assert.equal(switched.statusCode, 200, switched.body)
  const people = await ask(network, browser, { url: '/api/v1/people' })
  assert.deepEqual(
    people.json().items.map(({ person_id, grants }: { person_id: string; grants: object[] }) => [person_id, grants]),
    [
      [
        first.person.person_id,
        [
          { tenant: 'cluster', role: 'cluster_admin' },
          { tenant: 'default', role: 'tenant_admin' },
        ],
      ],
    ],
  )
  const stale = await ask(network, browser, { url: '/api/v1/people', headers: { 'sealwatch-tenant': 'default' } })
  assert.deepEqual([stale.statusCode, stale.json().code], [409, 'TENANT_SWITCHED'])
  const away = await ask(network, browser, {
    method: 'POST',
    url: '/auth/logout',
    headers: write(switched.json().csrf_token),
  })
  assert.match(away.json().redirect, /\/session\/end\?/)
  assert.equal((await ask(network, browser, { url: '/api/v1/session' })).statusCode, 401)
  assert.deepEqual(access.grants.tenantsOf(first.person.person_id), ['cluster', 'default'])
  assert.equal((await operator.inject({ url: '/api/v1/session' })).json().principal.kind, 'operator')
})

inApp('POL-1: nothing is changed from a foreign page, or without the token of the session', async (app) => {
  const { network } = app
  const browser = browserOf()
  const { csrf_token } = await admin(app, browser, 'first')
  const other = browserOf('192.0.2.99')
  const theirs = await admin(app, other, 'second')
  const wrong: Record<string, string>[] = [
    {},
    { origin },
    { 'sealwatch-csrf': csrf_token },
    { origin: 'http://evil.example', 'sealwatch-csrf': csrf_token },
    { origin: 'http://localhost:8444', 'sealwatch-csrf': csrf_token },
    { origin: 'null', 'sealwatch-csrf': csrf_token },
    { origin, 'sealwatch-csrf': theirs.csrf_token },
    { origin, 'sealwatch-csrf': '' },
  ]
  for (const headers of wrong) {
    for (const [method, url, payload] of [
      ['POST', '/auth/logout', undefined],
      ['POST', '/auth/logout-everywhere', undefined],
      ['POST', '/api/v1/session/tenant', { tenant: 'cluster' }],
      ['DELETE', `/api/v1/sessions/ses_${'0'.repeat(20)}`, undefined],
      ['POST', '/api/v1/members/invitations', { name: 'x', role: 'viewer' }],
    ] as const) {
      const refused = await ask(network, browser, { method, url, headers, ...(payload && { payload }) })
      assert.deepEqual([refused.statusCode, refused.json().code], [403, 'ORIGIN_FOREIGN'], `${method} ${url}`)
    }
  }
  assert.equal((await session(network, browser)).tenant, 'default')
})

inApp(
  'POL-1: what a page asks by itself, or listens to, does not keep a session; what a person does, does',
  async (app) => {
    const { room, network, signIn } = app
    const minutes = 60_000
    const browser = browserOf()
    const url = '/api/v1/session'
    const { csrf_token } = await admin(app, browser, 'first')
    const read = readSession(signIn, () => origin)
    const status = async (headers: Record<string, string>, method: 'GET' | 'POST' = 'GET') =>
      (await ask(network, browser, { method, url: method === 'GET' ? url : '/auth/logout', headers })).statusCode
    room.clock.pass(20 * minutes)
    assert.equal(await status({}), 200)
    room.clock.pass(20 * minutes)
    // None of these is a person: a poll, however it says so, a socket that is opened again, and a foreign page.
    for (const value of ['1', '0', '']) assert.equal(await status({ 'sealwatch-background': value }), 200)
    const socket = {
      method: 'GET',
      headers: { ...browser.visit(), cookie: browser.visit().cookies, origin, upgrade: 'x' },
    }
    assert.ok(await read(socket as never))
    assert.equal(await status({ origin: 'http://evil.example', 'sealwatch-csrf': csrf_token }, 'POST'), 403)
    room.clock.pass(10 * minutes)
    assert.equal(await status({}), 401)
    assert.equal(await read(socket as never), undefined)
  },
)

inApp('a person is invited, comes with the role and no more, and goes when disabled', async (app) => {
  const { room, network, access } = app
  const browser = browserOf()
  const { csrf_token } = await admin(app, browser, 'first')
  const invite = (role: string) =>
    ask(network, browser, {
      method: 'POST',
      url: '/api/v1/members/invitations',
      headers: write(csrf_token),
      payload: { name: 'Zoë', role },
    })
  assert.equal((await invite('cluster_admin')).statusCode, 404, 'there is no such role in this tenant')
  const invited = await invite('viewer')
  assert.equal(invited.statusCode, 201, invited.body)
  room.provider.mood.account = { sub: 'zoe', name: 'Zoë' }
  const hers = browserOf('192.0.2.50')
  await comeBy(app, hers, invited.json().url)
  const zoe = await session(network, hers)
  assert.deepEqual(access.grants.rolesOf({ kind: 'person', id: zoe.person.person_id, session: '' }, 'default'), [
    'viewer',
  ])
  const denied = await ask(network, hers, {
    method: 'POST',
    url: '/api/v1/members/invitations',
    headers: write(zoe.csrf_token),
    payload: { name: 'x', role: 'viewer' },
  })
  assert.deepEqual([denied.statusCode, denied.json().title], [403, 'Access denied'])
  assert.equal((await ask(network, hers, { url: '/api/v1/people' })).statusCode, 403)
  const cluster = await ask(network, browser, {
    method: 'POST',
    url: '/api/v1/session/tenant',
    headers: write(csrf_token),
    payload: { tenant: 'cluster' },
  })
  const disabled = await ask(network, browser, {
    method: 'PATCH',
    url: `/api/v1/people/${zoe.person.person_id}`,
    headers: write(cluster.json().csrf_token),
    payload: { disabled: true },
  })
  assert.equal(disabled.statusCode, 200, disabled.body)
  assert.equal((await ask(network, hers, { url: '/api/v1/session' })).statusCode, 401)
})

inApp('groups of the provider stand for roles, and what they give goes with them', async (app) => {
  const { room, network, access } = app
  const browser = browserOf()
  const { csrf_token } = await admin(app, browser, 'first')
  const own = { method: 'POST', url: '/api/v1/session/tenant', headers: write(csrf_token) } as const
  const cluster = await ask(network, browser, { ...own, payload: { tenant: 'cluster' } })
  const headers = write(cluster.json().csrf_token)
  const url = '/api/v1/tenants/default/group-roles'
  for (const role of ['responder', 'viewer'])
    assert.equal(
      (
        await ask(network, browser, {
          method: 'POST',
          url,
          headers,
          payload: { group: `sec/${role}`, role },
        })
      ).statusCode,
      200,
    )
  const bad = { group: 'a\u202eb', role: 'viewer' }
  const nowhere = url.replace('default', 'nowhere')
  const unheard = { group: 'sec', role: 'cluster_admin' }
  for (const [at, payload, status, code] of [
    [url, bad, 400, 'GROUP_NAME'],
    [url, unheard, 404, 'ROLE_UNKNOWN'],
    [nowhere, { group: 'sec', role: 'viewer' }, 404, 'TENANT_UNKNOWN'],
  ] as const) {
    const refused = await ask(network, browser, { method: 'POST', url: at, headers, payload })
    assert.deepEqual([refused.statusCode, refused.json().code], [status, code])
  }
  const bob = browserOf('192.0.2.60')
  const comes = async (groups?: string[]) => {
    room.provider.mood.account = { sub: 'bob', ...(groups && { groups }) }
    const begun = await ask(network, bob, { url: '/auth/login?return_to=/hosts' })
    const back = await bob.through(String(begun.headers.location))
    return ask(network, bob, { url: back.pathname + back.search })
  }
  const done = await comes(['sec/responder', 'sec/viewer', 'unknown'])
  assert.deepEqual([done.statusCode, done.headers.location], [303, '/hosts'])
  const { person } = await session(network, bob)
  const roles = () => access.grants.rolesOf({ kind: 'person', id: person.person_id, session: '' }, 'default')
  assert.deepEqual(roles().toSorted(), ['responder', 'viewer'])
  // Many providers leave the claim out where it would be empty.
  assert.equal((await comes()).statusCode, 403)
  assert.deepEqual(roles(), [])
  await comes(['sec/viewer'])
  assert.deepEqual(roles(), ['viewer'])
  await ask(network, browser, {
    method: 'DELETE',
    url: `${url}?group=sec/viewer&role=viewer`,
    headers,
  })
  assert.deepEqual(roles(), [])
  assert.equal((await comes(['sec/viewer'])).statusCode, 403)
  assert.deepEqual((await ask(network, browser, { url: '/api/v1/group-roles' })).json().items, [
    { tenant: 'default', group: 'sec/responder', role: 'responder' },
  ])
})

inApp('no admin of a tenant draws in the people of another by the name of their group', async (app) => {
  const { room, network, access, operator } = app
  const map = (tenant: string, group: string) =>
    operator.inject({
      method: 'POST',
      url: `/api/v1/tenants/${tenant}/group-roles`,
      payload: { group, role: 'viewer' },
    })
  assert.equal((await map('zeta', 'zeta-oncall')).statusCode, 200)
  const bob = browserOf('192.0.2.60')
  const comes = async () => {
    room.provider.mood.account = { sub: 'bob', name: 'Bob of Zeta', email: 'bob@zeta.example', groups: ['zeta-oncall'] }
    const begun = await ask(network, bob, { url: '/auth/login' })
    const back = await bob.through(String(begun.headers.location))
    await ask(network, bob, { url: back.pathname + back.search })
    return session(network, bob)
  }
  assert.equal((await comes()).tenant, 'zeta')
  const mallory = browserOf('192.0.2.66')
  const { person } = await admin(app, mallory, 'mallory')
  const who = { kind: 'person', id: person.person_id, session: '' } as const
  assert.deepEqual(access.grants.rolesOf(who, 'default'), ['tenant_admin'])
  const { csrf_token } = await session(network, mallory)
  const payload = { group: 'zeta-oncall', role: 'viewer' }
  const tried = {
    method: 'POST',
    url: '/api/v1/tenants/default/group-roles',
    headers: write(csrf_token),
    payload,
  } as const
  assert.equal((await ask(network, mallory, tried)).statusCode, 403, 'not by an admin of the tenant, within it')
  assert.deepEqual((await ask(network, mallory, { url: '/api/v1/group-roles' })).json().items, [])
  // Where an admin of the deployment lets the group in elsewhere too, its people go on where they were.
  assert.equal((await map('acme', 'zeta-oncall')).statusCode, 200)
  const came = await comes()
  assert.deepEqual([came.tenant, came.tenants], ['zeta', ['acme', 'zeta']])
})

inApp('a session begins where the person was last, else where somebody gave them a role by hand', async (app) => {
  const { room, network, operator } = app
  const invited = await operator.inject({
    method: 'POST',
    url: '/api/v1/members/invitations',
    headers: { 'sealwatch-tenant': 'zeta' },
    payload: { name: 'Zoë', role: 'viewer' },
  })
  const map = { method: 'POST', payload: { group: 'all', role: 'viewer' } } as const
  for (const tenant of ['acme', 'cluster'])
    await operator.inject({ ...map, url: `/api/v1/tenants/${tenant}/group-roles` })
  const zoe = browserOf('192.0.2.61')
  room.provider.mood.account = { sub: 'zoe', groups: ['all'] }
  await comeBy(app, zoe, invited.json().url)
  const { tenant, tenants, csrf_token } = await session(network, zoe)
  assert.deepEqual([tenant, tenants], ['zeta', ['acme', 'cluster', 'zeta']])
  const headers = write(csrf_token)
  await ask(network, zoe, { method: 'POST', url: '/api/v1/session/tenant', headers, payload: { tenant: 'acme' } })
  const begun = await ask(network, zoe, { url: '/auth/login' })
  const back = await zoe.through(String(begun.headers.location))
  await ask(network, zoe, { url: back.pathname + back.search })
  assert.equal((await session(network, zoe)).tenant, 'acme')
})

inApp('break-glass access is opened by root alone, and acknowledged by others', async (app) => {
  const { room, network, operator } = app
  const browser = browserOf()
  const { csrf_token } = await admin(app, browser, 'first')
  const payload = { name: 'alice', reason: 'the provider is down', minutes: 5 }
  const headers = write(csrf_token)
  const denied = await ask(network, browser, { method: 'POST', url: '/api/v1/break-glass', headers, payload })
  assert.equal(denied.statusCode, 403)
  const links = await ask(network, browser, { method: 'POST', url: '/api/v1/login-links', headers, payload: {} })
  assert.equal(links.statusCode, 403)
  const opened = await operator.inject({ method: 'POST', url: '/api/v1/break-glass', payload })
  assert.equal(opened.statusCode, 201, opened.body)
  const hers = browserOf('192.0.2.70')
  room.provider.mood.status = 503
  const { url } = opened.json()
  const came = await press(network, hers, url)
  assert.deepEqual([came.statusCode, onwardOf(came.body)], [200, '/'])
  const view = await session(network, hers)
  assert.deepEqual([view.tenant, view.sessions[0].method], ['cluster', 'break_glass'])
  const acknowledge = (by: Browser, token: string) =>
    ask(network, by, {
      method: 'POST',
      url: `/api/v1/break-glass/${opened.json().id}/acknowledge`,
      headers: write(token),
    })
  assert.equal((await acknowledge(hers, view.csrf_token)).statusCode, 403, 'not by whom it let in')
  const waiting = await operator.inject({ url: '/api/v1/break-glass' })
  assert.equal(waiting.json().items.length, 1)
  const done = await operator.inject({ method: 'POST', url: `/api/v1/break-glass/${opened.json().id}/acknowledge` })
  assert.equal(done.statusCode, 200, done.body)
  assert.deepEqual((await operator.inject({ url: '/api/v1/break-glass' })).json().items, [])
})

inApp(
  'a one-time link is shown as often as anybody opens it, and used once, by the button of its page',
  async (app) => {
    const { network, operator, room } = app
    const payload = { name: 'Zoë <b>', role: 'viewer' }
    const headers = { 'sealwatch-tenant': 'acme' }
    const invited = await operator.inject({ method: 'POST', url: '/api/v1/members/invitations', headers, payload })
    const link = invited.json().url
    const { pathname, search } = new URL(link)
    const browser = browserOf()
    const accept = 'text/html'
    const look = (method: 'GET' | 'HEAD' = 'GET', more = {}) =>
      ask(network, browser, { method, url: pathname + search, headers: { accept, ...more } })
    for (const looked of [await look('HEAD'), await look('GET', { 'sec-purpose': 'prefetch' }), await look()])
      assert.deepEqual([looked.statusCode, looked.headers['set-cookie']], [200, undefined])
    const page = await look()
    assert.match(page.body, /<h1>You are invited to The acmes<\/h1>/)
    assert.match(page.body, /Zoë &#60;b&#62; becomes Viewer of The acmes\./)
    assert.match(page.body, /Good once, until <time datetime="[^"]+">[\d:]{8} UTC</)
    assert.match(page.body, /provider by which people sign in here asks who you are/)
    assert.doesNotMatch(page.body, /<script|<b>|Somebody is signed in/)
    const [, action, code] =
      /<form method="post" action="([^"]+)"[\s\S]*name="code" value="([^"]+)"/.exec(page.body) ?? []
    const pressed = pressOf(link)
    assert.deepEqual([action, `code=${code}`], [pressed.path, pressed.body])
    const told = ['content-security-policy', 'referrer-policy', 'cache-control', 'x-frame-options']
    assert.deepEqual(
      told.map((name) => page.headers[name]),
      [
        "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
        'strict-origin',
        'no-store',
        'DENY',
      ],
    )
    room.provider.mood.account = { sub: 'zoe', name: 'Zoë' }
    await comeBy(app, browser, link)
    for (const again of [await look(), await press(network, browser, link)])
      assert.deepEqual([again.statusCode, /The acmes|Zoë/.test(again.body)], [403, false])
    const second = await operator.inject({ method: 'POST', url: '/api/v1/login-links', payload: {} })
    const shown = await ask(network, browser, { url: second.json().url.slice(origin.length) })
    assert.match(shown.body, /Cluster admin of the deployment and Tenant admin of The defaults/)
    assert.match(shown.body, /Somebody is signed in in this browser: that session ends/)
    assert.ok(room.logged.every((line) => !line.includes(String(code))))
  },
)

inApp('a page of elsewhere signs nobody in by a link: its form is refused, and the link is good still', async (app) => {
  const { network, operator, room } = app
  const payload = { name: 'mallory', reason: 'a link to somebody else', minutes: 5 }
  const opened = await operator.inject({ method: 'POST', url: '/api/v1/break-glass', payload })
  const { url } = opened.json()
  const { method, path, headers, body } = pressOf(url)
  const { origin: _own, ...withoutOrigin } = headers
  const foreign = [
    { ...headers, origin: 'https://evil.example' },
    { ...headers, origin: 'null' },
    { ...headers, origin: `${origin}0` },
    withoutOrigin,
    { ...withoutOrigin, 'sec-fetch-site': 'same-origin' },
    ...['cross-site', 'same-site', 'none', 'same-origin, cross-site', ''].map((site) => ({
      ...headers,
      'sec-fetch-site': site,
    })),
  ]
  for (const sent of foreign) {
    const refused = await network.inject({ method, url: path, headers: sent, payload: body })
    assert.deepEqual([refused.statusCode, refused.json().code], [403, 'LINK_FOREIGN'], JSON.stringify(sent))
    assert.equal(refused.headers['set-cookie'], undefined)
  }
  const shown = { method, url: path, headers: { ...headers, origin: 'null', accept: 'text/html' }, payload: body }
  assert.match((await network.inject(shown)).body, /<h1>This link was not used<\/h1>/)
  assert.match(JSON.stringify(room.lines), /LINK_FOREIGN/)
  const other = (type: string, text: string) =>
    network.inject({ method, url: path, headers: { ...headers, 'content-type': type }, payload: text })
  const forms = ['application/x-www-form-urlencoded', 'application/json', 'text/plain', 'multipart/form-data'] as const
  const wrong = [
    [forms[0], `${body}&${body}`],
    [forms[0], `${body}&more=1`],
    [forms[0], ''],
    [forms[1], JSON.stringify({ code: codeOf(url) })],
    [forms[2], body],
    [forms[3], body],
  ] as const
  for (const [type, text] of wrong) assert.ok([400, 413].includes((await other(type, text)).statusCode), type + text)
  assert.equal((await other(forms[0], `code=${'x'.repeat(300)}`)).statusCode, 413)
  const json = await operator.inject({ method, url: '/api/v1/break-glass', headers, payload: 'name=x' })
  assert.deepEqual([json.statusCode, json.json().code], [400, 'REQUEST_INVALID'], 'no form where JSON is waited for')
  const came = await press(network, browserOf(), url, { 'sec-fetch-site': 'same-origin' })
  assert.equal(came.statusCode, 200, came.body)
})

inApp('links are not found out by looking: each look counts as a try to use one does', async ({ network, room }) => {
  const look = () => network.inject({ url: `/auth/link?code=${'A'.repeat(43)}` })
  const codes: string[] = []
  for (let answer = await look(); ; answer = await look()) {
    codes.push(answer.json().code)
    if (answer.statusCode === 429) break
  }
  assert.deepEqual(codes, [...Array(30).fill('LINK_UNKNOWN'), 'LOGIN_TOO_OFTEN'])
  const { method, path, headers, body } = pressOf(`${origin}/auth/link?code=${'A'.repeat(43)}`)
  const pressed = await network.inject({ method, url: path, headers, payload: body })
  assert.equal(pressed.json().code, 'LOGIN_TOO_OFTEN')
  assert.match(JSON.stringify(room.lines), /LINK_UNKNOWN/)
})

inApp(
  'POL-3: a tenant without an admin gets its first one from an admin of the deployment, and no second',
  async (app) => {
    const { room, network, operator, access } = app
    const peopleOf = async (sub: string) => {
      const browser = browserOf()
      const invited = await operator.inject({
        method: 'POST',
        url: '/api/v1/members/invitations',
        headers: { 'sealwatch-tenant': 'acme' },
        payload: { name: sub, role: 'viewer' },
      })
      room.provider.mood.account = { sub, name: sub }
      await comeBy(app, browser, invited.json().url)
      return { browser, id: (await session(network, browser)).person.person_id as string }
    }
    const [bob, eve] = [await peopleOf('bob'), await peopleOf('eve')]
    const hers = browserOf('192.0.2.81')
    const first = await admin(app, hers, 'first')
    const appoint = async (by: Browser, tenant: string, personId: string) => {
      const headers = write((await session(network, by)).csrf_token)
      const url = `/api/v1/tenants/${tenant}/admins/${personId}`
      const answer = await ask(network, by, { method: 'PUT', url, headers })
      return answer.statusCode === 200 ? 'done' : answer.json().code
    }
    assert.equal(await appoint(hers, 'zeta', bob.id), 'ACCESS_DENIED', 'in another tenant than cluster')
    const headers = write((await session(network, hers)).csrf_token)
    const payload = { tenant: 'cluster' }
    await ask(network, hers, { method: 'POST', url: '/api/v1/session/tenant', headers, payload })
    assert.equal(await appoint(bob.browser, 'zeta', bob.id), 'ACCESS_DENIED')
    assert.equal(await appoint(hers, 'zeta', first.person.person_id), 'APPOINT_OWN')
    assert.equal(await appoint(hers, 'unheard-of', bob.id), 'TENANT_UNKNOWN')
    assert.equal(await appoint(hers, 'zeta', `usr_${'0'.repeat(20)}`), 'PERSON_UNKNOWN')
    assert.equal(await appoint(hers, 'cluster', bob.id), 'APPOINT_HELD')
    assert.deepEqual(access.grants.tenantsOf(bob.id), ['acme'])
    const hasAdmin = async (of: string) => {
      const { items } = (await ask(network, hers, { url: '/api/v1/tenants' })).json()
      return items.find(({ name }: { name: string }) => name === of).has_admin
    }
    assert.deepEqual([await hasAdmin('zeta'), await hasAdmin('cluster')], [false, true])
    const told = room.lines.length
    const outcomes = await Promise.all([appoint(hers, 'zeta', bob.id), appoint(hers, 'zeta', eve.id)])
    assert.deepEqual(outcomes.toSorted(), ['APPOINT_HELD', 'done'])
    assert.equal(await hasAdmin('zeta'), true)
    const [chosen = '', other = ''] = outcomes[0] === 'done' ? [bob.id, eve.id] : [eve.id, bob.id]
    assert.deepEqual(access.grants.tenantsOf(chosen), ['acme', 'zeta'])
    const lines = room.lines.slice(told).filter(({ metadata }) => metadata.event_code === 'role_granted')
    assert.deepEqual(
      lines.map(({ metadata, unmapped }) => [metadata.tenant_uid, unmapped.grantee, unmapped.role]),
      ['cluster', 'zeta'].map((tenant) => [tenant, chosen, 'tenant_admin']),
    )
    const disabled = await operator.inject({
      method: 'PATCH',
      url: `/api/v1/people/${chosen}`,
      payload: { disabled: true },
    })
    assert.equal(disabled.statusCode, 200, disabled.body)
    assert.equal(await appoint(hers, 'zeta', other), 'APPOINT_HELD', 'who disables an admin makes no room for another')
  },
)

inApp('DET-5: who cannot sign in is told so and no more, as a page in a browser', async (app) => {
  const { network } = app
  const url = '/auth/callback?state=x%22%3E%3Cscript%3E&error_description=%3Cb%3E'
  const page = await network.inject({ url, headers: { accept: 'text/html,*/*' } })
  assert.equal(page.statusCode, 401)
  assert.match(String(page.headers['content-type']), /^text\/html/)
  assert.match(page.body, /<h1>This log-in came to nothing<\/h1>/)
  assert.match(page.body, /Invalid credentials · LOGIN_FOREIGN · req_/)
  assert(!/script>|no log-in of the last|<b>/.test(page.body), page.body)
  assert.match(String(page.headers['content-security-policy']), /default-src 'none'/)
  assert.deepEqual(
    ['cache-control', 'referrer-policy'].map((name) => page.headers[name]),
    ['no-store', 'no-referrer'],
  )
  const problem = await network.inject({ url })
  assert.deepEqual(Object.keys(problem.json()).toSorted(), ['code', 'request_id', 'status', 'title', 'type'])
  const away = await network.inject({ url: '/auth/login?return_to=https://evil.example' })
  assert.deepEqual([away.statusCode, away.json().code], [400, 'LOGIN_RETURN'])
  app.room.provider.mood.status = 503
  const down = await network.inject({ url: '/auth/login', headers: { accept: 'text/html' } })
  assert.equal(down.statusCode, 503)
  assert.match(down.body, /Try again in a moment/)
})

inApp(
  'who tries too often is told how long to wait, in a browser too (RFC 9110, 10.2.3)',
  async ({ network, room }) => {
    const url = '/auth/callback?state=x'
    let problem = await network.inject({ url })
    while (problem.statusCode === 401) problem = await network.inject({ url })
    assert.deepEqual([problem.json().code, problem.headers['retry-after']], ['LOGIN_TOO_OFTEN', '2'])
    const page = await network.inject({ url, headers: { accept: 'text/html' } })
    assert.deepEqual([page.statusCode, page.headers['retry-after']], [429, '2'])
    room.clock.pass(2_000)
    assert.equal((await network.inject({ url })).statusCode, 401)
  },
)

inApp(
  'POL-3: with a tenant goes all that was given in it: sessions, tokens, groups, links; and its people go on',
  async (app) => {
    const { room, network, operator, access, erase } = app
    const inZeta = { 'sealwatch-tenant': 'zeta' }
    const write = (method: 'POST' | 'PUT', url: string, headers: Record<string, string>, payload: object) =>
      operator.inject({ method, url: `/api/v1/${url}`, headers, payload })
    await write('PUT', 'roles/oncall', inZeta, { actions: ['alert:list', 'token:list'] })
    await write('POST', 'tenants/zeta/group-roles', {}, { group: 'sec', role: 'custom/oncall' })
    await write('POST', 'tenants/acme/group-roles', {}, { group: 'sec', role: 'viewer' })
    const made = await write('POST', 'tokens', inZeta, { name: 'ci', actions: ['token:list'], ttl_seconds: 600 })
    const bearer = { authorization: `Bearer ${made.json().token}` }
    const invited = await write('POST', 'members/invitations', inZeta, { name: 'Zoë', role: 'viewer' })
    const comes = async (browser: Browser) => {
      const begun = await ask(network, browser, { url: '/auth/login' })
      const back = await browser.through(String(begun.headers.location))
      return ask(network, browser, { url: back.pathname + back.search })
    }
    room.provider.mood.account = { sub: 'bob', groups: ['sec'] }
    const bob = browserOf('192.0.2.80')
    assert.equal((await comes(bob)).statusCode, 303)
    const { csrf_token, person } = await session(network, bob)
    const headers = { origin, 'sealwatch-csrf': csrf_token }
    const moved = await ask(network, bob, {
      method: 'POST',
      url: '/api/v1/session/tenant',
      headers,
      payload: { tenant: 'zeta' },
    })
    assert.equal(moved.statusCode, 200, moved.body)
    assert.equal((await network.inject({ url: '/api/v1/tokens', headers: bearer })).statusCode, 200)

    await erase('zeta')
    assert.equal((await network.inject({ url: '/api/v1/tokens', headers: bearer })).statusCode, 401)
    assert.equal((await ask(network, bob, { url: '/api/v1/session' })).statusCode, 401)
    assert.equal((await press(network, bob, invited.json().url)).statusCode, 403)
    assert.equal((await comes(bob)).statusCode, 303, 'a group that stood for a role there keeps nobody out')
    const view = await session(network, bob)
    assert.deepEqual([view.tenant, view.tenants], ['acme', ['acme']])
    const told = JSON.stringify(room.lines.map(({ unmapped }) => unmapped))
    assert.match(told, /"cause":"tenant_erased"/)
    const gone = await operator.inject({ method: 'DELETE', url: `/api/v1/people/${person.person_id}` })
    assert.equal(gone.statusCode, 200, gone.body)
    assert.deepEqual(access.grants.tenantsOf(person.person_id), [])
  },
)
