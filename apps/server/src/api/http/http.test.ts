// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLog, systemClock } from '@sealwatch/base'
import type { Body } from '@sealwatch/ledger'
import { openAccess, openSignIn } from '../../access/index.ts'
import { createOutbox, openStore } from '../../store/index.ts'
import { createTenants, openTenantRegistry, type TenantPorts } from '../../tenants/index.ts'
import type { ApiPorts } from '../ports.ts'
import { allRoutes, authenticateNetwork, authenticateOperator, httpApp } from './index.ts'

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

/** All but the ledger: what is enqueued counts as recorded at once. */
async function room() {
  const store = openStore(':memory:')
  const lines: Body[] = []
  const outbox = {
    ...createOutbox(store),
    enqueue: async (_tx: unknown, _tenant: string, body: Body) => String(lines.push(body)),
    committed: (async (uid: string) => Number(uid)) as ReturnType<typeof createOutbox>['committed'],
    recorded: async (uid: string) => Number(uid),
  }
  const log = createLog(
    'test',
    () => undefined,
    () => 0,
  )
  const common = { store, outbox, clock: systemClock, log }
  const voice = { device: { uid: 'd', hostname: 'h', type_id: 0, type: 'Unknown' }, version: '0' } as never
  const access = await openAccess({
    ...common,
    voice,
    stateOf: (tenant) => (['cluster', 'acme', 'zeta'].includes(tenant) ? 'active' : undefined),
  })
  const signIn = await openSignIn({
    ...common,
    ...access,
    voice,
    plan: undefined,
    origin: () => 'http://localhost:1',
    limits: { idleMinutes: 30, hours: 12 },
  })
  const registry = await openTenantRegistry({ ...common, withLedger: new Set(), keysAreGone: () => false })
  const nothing = async () => undefined
  const ports: TenantPorts = {
    open: nothing,
    wasKnown: () => false,
    hasLedger: async () => true,
    expel: nothing,
    close: nothing,
    destroyKeys: async () => ({ leafIndex: 9, tenantKeys: 1, subjectKeys: 2 }),
    removeData: nothing,
    changed: () => undefined,
  }
  const tenants = createTenants({ ...common, voice, registry, ports })
  const options = {
    ...common,
    access,
    signIn,
    registry,
    tenants,
    ...nobodys,
    version: '0',
    limits: { perAddress: 1e6, perTenant: 1e6 },
  }
  const operator = httpApp(options, authenticateOperator({ checkOpen: () => undefined }))
  const network = httpApp(
    options,
    authenticateNetwork(access.tokens, async () => undefined, { note: () => 0 }),
  )
  return { options, access, signIn, operator, network, lines }
}

const inAcme = { 'sealwatch-tenant': 'acme' }

test('what is wrong with a name is told in words, with a name that would do; the pattern is for programs', async () => {
  const { operator } = await room()
  const wrong: [method: 'POST' | 'PUT', url: string, payload: object, said: RegExp][] = [
    ['POST', '/api/v1/tenants', { name: 'Bad Name' }, /lower-case letters, digits and hyphens.*such as bad-name$/],
    ['PUT', '/api/v1/security/policies/Bad%20Id', { policy: {} }, /lower-case letters.*such as bad-id$/],
    ['PUT', '/api/v1/roles/On%20Call', { actions: [] }, /beginning with a letter, such as on-call$/],
    ['PUT', '/api/v1/members/Zo%C3%AB/roles/viewer', {}, /a person's id/],
    ['PUT', '/api/v1/members/usr_1/roles/On%20Call', {}, /a role of this tenant/],
  ]
  for (const [method, url, payload, said] of wrong) {
    const refused = await operator.inject({ method, url, payload, headers: inAcme })
    const { code, problems } = refused.json()
    assert.deepEqual([refused.statusCode, code, problems.length], [400, 'REQUEST_INVALID', 1], refused.body)
    assert.match(problems[0].rule, said)
    assert.doesNotMatch(refused.body, /pattern|\/\^/)
  }
})

test('root is told that there is no such tenant, and which one was meant; a token, whose it is', async () => {
  const { options, operator, network } = await room()
  const ofRoot = httpApp(options, authenticateOperator(options.registry))
  const ask = (tenant: string) => ofRoot.inject({ url: '/api/v1/roles', headers: { 'sealwatch-tenant': tenant } })
  const { code, status, advice } = (await ask('clutser')).json()
  assert.deepEqual([code, status], ['TENANT_UNKNOWN', 404])
  assert.match(advice, /^Did you mean cluster\? `sealwatch tenant list`/)
  assert.equal((await ask('cluster')).json().code, undefined)
  await ofRoot.inject({ method: 'POST', url: '/api/v1/tenants', payload: { name: 'initech' } })
  await ofRoot.inject({ method: 'DELETE', url: '/api/v1/tenants/initech' })
  assert.equal((await ask('initech')).json().code, 'TENANT_STATE')
  const payload = { name: 'ci', actions: ['role:list'], ttl_seconds: 600 }
  const made = await operator.inject({ method: 'POST', url: '/api/v1/tokens', headers: inAcme, payload })
  const headers = { authorization: `Bearer ${made.json().token}`, 'sealwatch-tenant': 'zeta' }
  const other = (await network.inject({ url: '/api/v1/roles', headers })).json()
  assert.equal(other.code, 'TENANT_SWITCHED')
  assert.match(other.advice, /^The token is of the tenant acme: /)
  const beyond = { ...payload, actions: ['tenant:create', 'alert:lst'] }
  const refused = await operator.inject({ method: 'POST', url: '/api/v1/tokens', headers: inAcme, payload: beyond })
  assert.match(
    refused.json().received,
    /no action: alert:lst \(did you mean alert:list\?\); tenant:create: for admins of/,
  )
})

test('API-1: root makes a token, which then does what it may and no more', async () => {
  const { operator, network } = await room()
  const made = await operator.inject({
    method: 'POST',
    url: '/api/v1/tokens',
    headers: inAcme,
    payload: { name: 'ci', actions: ['role:list', 'token:list'], ttl_seconds: 600 },
  })
  assert.equal(made.statusCode, 201, made.body)
  const { token, info, ledger } = made.json()
  assert.deepEqual(ledger, { tenant: 'acme', leaf_index: 1 })
  const headers = { authorization: `Bearer ${token}` }
  const roles = await network.inject({ url: '/api/v1/roles', headers })
  assert.equal(roles.statusCode, 200)
  assert.ok(roles.json().items.some(({ name }: { name: string }) => name === 'viewer'))
  const listed = await network.inject({ url: '/api/v1/tokens', headers })
  assert.deepEqual(listed.json().items[0].token_id, info.token_id)
  assert.ok(!listed.body.includes(token))
  const denied = await network.inject({
    method: 'PUT',
    url: '/api/v1/roles/oncall',
    headers,
    payload: { actions: ['alert:list'] },
  })
  assert.equal(denied.statusCode, 403)
  assert.deepEqual(Object.keys(denied.json()).sort(), ['code', 'request_id', 'status', 'title', 'type'])
  assert.equal(denied.json().title, 'Access denied')
  const elsewhere = await network.inject({ url: '/api/v1/roles', headers: { ...headers, 'sealwatch-tenant': 'zeta' } })
  assert.deepEqual([elsewhere.statusCode, elsewhere.json().code], [409, 'TENANT_SWITCHED'])
  await operator.inject({ method: 'DELETE', url: `/api/v1/tokens/${info.token_id}`, headers: inAcme })
  assert.equal((await network.inject({ url: '/api/v1/roles', headers })).statusCode, 401)
})

test('POL-3: root creates tenants, renames, suspends, limits them; a machine of a tenant may none of it', async () => {
  const { operator, network, lines } = await room()
  const ask = (method: 'POST' | 'PUT', url: string, payload?: object) =>
    operator.inject({ method, url: `/api/v1/tenants${url}`, ...(payload && { payload }) })
  const made = await ask('POST', '', { name: 'initech', title: 'Initech' })
  assert.equal(made.statusCode, 201, made.body)
  assert.deepEqual(made.json().ledger, { tenant: 'cluster', leaf_index: 2 })
  assert.match(JSON.stringify(lines), /"uid":"operator:root".*tenant_created/)
  const titled = await ask('PUT', '/initech/title', { title: 'Initech  Ltd' })
  assert.equal(titled.json().tenant.title, 'Initech Ltd')
  assert.equal((await ask('PUT', '/initech/limits', { lines_per_second: 500 })).json().tenant.lines_per_second, 500)
  assert.equal((await ask('POST', '/initech/suspend')).json().tenant.state, 'suspended')
  const again = await ask('POST', '/initech/suspend')
  assert.deepEqual([again.statusCode, again.json().code], [409, 'TENANT_STATE'])
  assert.equal((await ask('POST', '/initech/resume')).json().tenant.state, 'active')
  for (const [url, status, code] of [
    ['/nobody/suspend', 404, 'TENANT_UNKNOWN'],
    ['/default/suspend', 409, 'TENANT_STANDING'],
    ['/a..b/suspend', 400, 'REQUEST_INVALID'],
  ] as const) {
    const refused = await ask('POST', url)
    assert.deepEqual([refused.statusCode, refused.json().code], [status, code])
  }
  const alike = await ask('POST', '', { name: 'other', title: 'lnitech  ltd' })
  assert.deepEqual([alike.statusCode, alike.json().code], [409, 'TENANT_LOOKALIKE'])
  const erased = await operator.inject({ method: 'DELETE', url: '/api/v1/tenants/initech' })
  assert.deepEqual(erased.json(), { keys: 3, ledger: { tenant: 'cluster', leaf_index: 9 } })
  assert.equal((await ask('POST', '/initech/resume')).json().code, 'TENANT_STATE')
  assert.equal((await ask('POST', '', { name: 'initech' })).json().code, 'TENANT_EXISTS')
  const first = await operator.inject('/api/v1/tenants?limit=2&erased=true')
  assert.deepEqual(
    first.json().items.map(({ name }: { name: string }) => name),
    ['cluster', 'default'],
  )
  const rest = await operator.inject(`/api/v1/tenants?limit=2&erased=true&cursor=${first.json().next}`)
  assert.deepEqual([rest.json().items.length, rest.json().next], [1, null])

  const token = await operator.inject({
    method: 'POST',
    url: '/api/v1/tokens',
    headers: inAcme,
    payload: { name: 'ci', actions: ['token:list'], ttl_seconds: 600 },
  })
  const headers = { authorization: `Bearer ${token.json().token}` }
  for (const url of ['/api/v1/tenants', '/api/v1/tenants?erased=true'])
    assert.equal((await network.inject({ url, headers })).statusCode, 403)
  const unmeant = await network.inject({ method: 'POST', url: '/api/v1/tenants/initech/suspend', headers })
  assert.deepEqual([unmeant.statusCode, unmeant.json().title], [403, 'Access denied'])
})

// There is no provider, no log-in to finish, and no code.
const openStatus: Readonly<Record<string, number>> = {
  beginLogin: 404,
  finishLogin: 401,
  showLink: 400,
  followLink: 400,
}

test('POL-1: without credentials nothing is answered but what is open, and wrong ones are all alike', async () => {
  const { options, network } = await room()
  const open: string[] = []
  for (const route of allRoutes(options)) {
    if ('open' in route) open.push(route.id)
    const url = route.path.replaceAll(/\{\w+\}/g, 'x')
    const answer = await network.inject({ method: route.method, url })
    assert.equal(
      answer.statusCode,
      'open' in route ? (openStatus[route.id] ?? 200) : 401,
      `${route.method} ${route.path}`,
    )
    const bad = ['Bearer x', 'Bearer ', 'Basic eDp5', `Bearer swt_${'A'.repeat(43)}00000000`, '']
    for (const authorization of 'open' in route ? [] : bad) {
      const refused = await network.inject({ method: route.method, url, headers: { authorization } })
      const { request_id: _id, ...problem } = refused.json()
      assert.deepEqual(problem, {
        type: 'https://sealwatch.dev/problems/credentials-invalid',
        title: 'Invalid credentials',
        status: 401,
        code: 'CREDENTIALS_INVALID',
      })
    }
  }
  assert.deepEqual(open, ['beginLogin', 'finishLogin', 'showLink', 'followLink', 'getOpenApi'])
})

test('a request of another form is told what is wrong where; a path that is not there, too', async () => {
  const { operator } = await room()
  const wrong = await operator.inject({
    method: 'POST',
    url: '/api/v1/tokens',
    headers: inAcme,
    payload: { name: '', actions: 'x', more: 1 },
  })
  assert.equal(wrong.statusCode, 400)
  assert.equal(wrong.headers['content-type'], 'application/problem+json; charset=utf-8')
  assert.deepEqual(
    wrong
      .json()
      .problems.map(({ at }: { at: string }) => at)
      .sort(),
    ['body', 'body.actions', 'body.name', 'body.ttl_seconds'],
  )
  for (const [url, method, status, code] of [
    ['/api/v1/nothing', 'GET', 404, 'ROUTE_UNKNOWN'],
    ['/api/v1/tokens?x=1', 'GET', 400, 'REQUEST_INVALID'],
    ['/api/v1/%ff', 'GET', 404, 'ROUTE_UNKNOWN'],
    ['/api/v1/security/vulnerabilities', 'GET', 501, 'NOT_AVAILABLE'],
  ] as const) {
    const answer = await operator.inject({ method, url, headers: inAcme })
    assert.ok(answer.statusCode === status || url.includes('%ff'), `${url}: ${answer.statusCode}`)
    assert.ok(answer.json().code === code || url.includes('%ff'), answer.body)
  }
  assert.equal(wrong.json().advice, 'Correct what `problems` names')
  const empty = await operator.inject({
    method: 'DELETE',
    url: `/api/v1/tokens/tok_${'0'.repeat(20)}`,
    headers: { ...inAcme, 'content-type': 'application/json' },
  })
  assert.deepEqual(
    [empty.statusCode, empty.json().problems, empty.json().advice],
    [400, undefined, 'Leave Content-Type out where there is no body'],
  )
  for (const payload of ['{', '{"__proto__":{}}', '[]', 'x'.repeat(2_000_000)]) {
    const answer = await operator.inject({
      method: 'POST',
      url: '/api/v1/tokens',
      headers: { ...inAcme, 'content-type': 'application/json' },
      payload,
    })
    assert.ok([400, 413].includes(answer.statusCode), answer.body)
    assert.equal(answer.headers['content-type'], 'application/problem+json; charset=utf-8')
  }
})

test('a write with a key is done once; another request under it is refused; a secret is not shown twice', async () => {
  const { operator, lines } = await room()
  const headers = { ...inAcme, 'idempotency-key': 'key-00001' }
  const put = (actions: string[]) =>
    operator.inject({ method: 'PUT', url: '/api/v1/roles/oncall', headers, payload: { actions } })
  const first = await put(['alert:list'])
  const second = await put(['alert:list'])
  assert.deepEqual([second.statusCode, second.body], [first.statusCode, first.body])
  assert.equal(lines.length, 1)
  assert.equal((await put(['host:list'])).statusCode, 422)
  const make = () =>
    operator.inject({
      method: 'POST',
      url: '/api/v1/tokens',
      headers: { ...inAcme, 'idempotency-key': 'key-00002' },
      payload: { name: 'ci', actions: ['alert:list'], ttl_seconds: 600 },
    })
  assert.equal((await make()).statusCode, 201)
  assert.equal((await make()).statusCode, 422)
  assert.equal(lines.length, 2)
})
