// SPDX-License-Identifier: Apache-2.0
// DET-4, DET-5: a proxy asks before it passes a request on. nginx and Caddy are real, and set up by our page.

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { noProxy, type Proxied, type ProxyName, startProxy } from './proxy.ts'
import { startServer, type TestServer } from './server.ts'

const path = '/api/v1/security/threats/forward-auth'
const dropped = `/search?q=${encodeURIComponent("1'; DROP TABLE users; --")}`
const safeTitle = 'Request blocked for security reasons'
const agent = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'

let server: TestServer
let token: string

before(async () => {
  server = await startServer({ SEALWATCH_SERVER_TRUSTED_PROXIES: '127.0.0.1' })
  await server.root('cluster').call('createTenant', { body: { name: 'acme' } })
  const body = { name: 'proxy', actions: ['threat:analyze' as const], ttl_seconds: 3600 }
  token = (await server.root('acme').call('createToken', { body })).token
  await server.root('acme').call('setThreatSettings', { body: { mode: 'block', reason: 'it is tried' } })
})
after(() => server[Symbol.asyncDispose]())

const asking = (headers: Record<string, string>, method = 'GET') =>
  server.send({ method, path, headers: { 'sealwatch-token': token, ...headers } })
const by = {
  nginx: (uri: string, method = 'GET') => ({ 'x-original-uri': uri, 'x-original-method': method }),
  traefik: (uri: string, method = 'GET') => ({
    'x-forwarded-uri': uri,
    'x-forwarded-method': method,
    'x-forwarded-host': 'shop.example',
    'x-forwarded-proto': 'https',
    'x-forwarded-for': '198.51.100.23',
    authorization: "Basic its client's",
  }),
}

for (const [name, headers] of Object.entries(by))
  test(`DET-4 in the manner of ${name} an attack is blocked by its safe message, and anything else passes`, async () => {
    const good = await asking(headers('/search?q=blue+table', 'POST'))
    assert.deepEqual([good.status, good.text, good.headers['sealwatch-action']], [204, '', 'allow'])
    const bad = await asking(headers(dropped))
    assert.deepEqual([bad.status, bad.headers['sealwatch-action']], [403, 'block'])
    assert.match(bad.headers['content-type'] ?? '', /^application\/problem\+json/)
    const problem = JSON.parse(bad.text) as Record<string, unknown>
    assert.deepEqual(Object.keys(problem).sort(), ['code', 'request_id', 'status', 'title', 'type'])
    assert.deepEqual([problem.title, problem.request_id], [safeTitle, bad.headers['sealwatch-verdict']])
  })

test('DET-4 what is blocked is an alert of its id in the ledger, once', async () => {
  const { headers } = await asking(by.nginx(dropped))
  // What is recorded after it says that it is recorded.
  await server.root('acme').call('putRole', { params: { name: 'after' }, body: { actions: ['alert:list'] } })
  const { items } = await server.root('acme').call('listEvents', { query: { limit: 200 } })
  const alerts = items.filter((item) => JSON.stringify(item).includes(String(headers['sealwatch-verdict'])))
  assert.equal(alerts.length, 1)
  assert.match(JSON.stringify(alerts[0]), /request_threat/)
  assert.ok(!JSON.stringify(items).includes('ACCESS_DENIED'), 'who asks was not denied anything')
})

test('DET-4 a client that names the URI beside the proxy is refused, and an answer that was given before is not given again', async () => {
  for (const forged of [
    { ...by.nginx(dropped), 'x-forwarded-uri': '/harmless' },
    { ...by.traefik(dropped), 'x-original-uri': '/harmless' },
    { ...by.traefik('/harmless'), 'x-original-method': 'GET' },
    {},
  ])
    assert.equal((await asking(forged)).status, 400, JSON.stringify(forged))
  const key = { 'idempotency-key': 'of-a-harmless-request' }
  assert.equal((await asking({ ...by.nginx('/harmless'), ...key })).status, 204)
  assert.equal((await asking({ ...by.nginx(dropped), ...key })).status, 403)
})

test('POL-1 what a client calls its tenant is nothing to the proxy: it is not denied for that, and its ledger says nothing of it', async () => {
  for (const tenant of ['zeta', 'no name of a tenant'])
    for (const [uri, status] of [
      ['/harmless', 204],
      [dropped, 403],
    ] as const) {
      const { headers, ...answer } = await asking({ ...by.nginx(uri), 'sealwatch-tenant': tenant })
      assert.deepEqual([answer.status, headers['sealwatch-verdict'] !== undefined], [status, true], tenant)
    }
  const headers = { ...by.nginx('/'), authorization: `Bearer ${token}`, 'sealwatch-tenant': 'zeta' }
  assert.equal((await server.send({ method: 'GET', path, headers })).status, 409, 'of who says it for itself it counts')
  await server.root('acme').call('putRole', { params: { name: 'after' }, body: { actions: ['alert:list'] } })
  const { items } = await server.root('acme').call('listEvents', { query: { limit: 500 } })
  const denied = items.filter((item) => JSON.stringify(item).includes('TENANT_SWITCHED'))
  assert.equal(denied.length, 1)
})

test('DET-4 every header is judged as often as it came, and what the proxy proves itself by is not', async () => {
  const cookie = "a=1' UNION SELECT name FROM users --"
  assert.equal((await asking({ ...by.nginx('/'), cookie })).status, 403)
  assert.equal((await asking({ ...by.nginx('/'), 'user-agent': agent, 'accept-language': 'de' })).status, 204)
  const bearer = await server.send({
    method: 'GET',
    path,
    headers: { ...by.nginx('/'), authorization: `Bearer ${token}` },
  })
  assert.equal(bearer.status, 204)
})

test('DET-4 without a token that may analyze nobody is answered, and a wrong one is not helped by another', async () => {
  const asked = (headers: Record<string, string>) =>
    server.send({ method: 'GET', path, headers: { ...by.nginx('/'), ...headers } })
  assert.equal((await asked({})).status, 401)
  assert.equal((await asked({ 'sealwatch-token': 'swt_none', authorization: `Bearer ${token}` })).status, 401)
  const body = { name: 'other', actions: ['alert:list' as const], ttl_seconds: 3600 }
  const other = (await server.root('acme').call('createToken', { body })).token
  assert.equal((await asked({ 'sealwatch-token': other })).status, 403)
})

for (const name of ['nginx', 'caddy'] satisfies ProxyName[])
  describe(`DET-4 ${name}, set up by our page`, { skip: noProxy(name) ?? false }, () => {
    let proxy: Proxied | undefined
    before(async () => {
      proxy = await startProxy(name, { url: server.url, token })
    })
    after(() => proxy?.[Symbol.asyncDispose]())
    const ask: Proxied['ask'] = (...asked) => (proxy as Proxied).ask(...asked)

    test('lets a form through with its body and headers, and shows the service no token', async () => {
      const form = 'name=O%27Brien+%26+Sons&note=blue+table;+red+chair'
      const headers = {
        'content-type': 'application/x-www-form-urlencoded',
        'content-length': String(form.length),
        'user-agent': agent,
        authorization: "Basic its client's",
      }
      const { status, text } = await ask('/orders?page=2', { method: 'POST', headers, body: form })
      assert.equal(status, 200, text)
      const came = JSON.parse(text) as { method: string; url: string; body: string; headers: Record<string, string> }
      assert.deepEqual([came.method, came.url, came.body], ['POST', '/orders?page=2', form])
      assert.equal(came.headers.authorization, headers.authorization)
      assert.ok(!text.includes(token))
    })

    test('blocks an attack in the query, in the path and in a header, by the safe message', async () => {
      const asked = [
        await ask(dropped, { headers: { 'user-agent': agent } }),
        await ask('/files/..%5c..%5c/etc/passwd'),
        await ask('/', { headers: { cookie: "a=1' UNION SELECT name FROM users --" } }),
      ]
      for (const { status, type, text } of asked) {
        assert.equal(status, 403, text)
        assert.match(type, /^application\/problem\+json/)
        const { title, request_id: id } = JSON.parse(text) as Record<string, unknown>
        assert.equal(title, safeTitle)
        assert.match(String(id), /^req_[0-9a-f]{24}$/)
      }
    })

    test('has long headers judged, and keeps out longer ones than can be with a word for why', async () => {
      const padded = (bytes: number, cookie: string) => ({ headers: { cookie: `${cookie}; b=${'a'.repeat(bytes)}` } })
      const attack = "a=1' UNION SELECT name FROM users --"
      const statusOf = async (...asked: Parameters<typeof ask>) => (await ask(...asked)).status
      assert.equal(await statusOf('/', padded(13_000, 'a=1')), 200)
      assert.equal(await statusOf('/', padded(13_000, attack)), 403)
      const tooLong = name === 'nginx' ? 400 : 431
      for (const bytes of [14_500, 15_500, 16_500, 20_000]) {
        const { status, text } = await ask('/', padded(bytes, attack))
        assert.ok(status === tooLong || (name === 'caddy' && status === 403), `${bytes} ${status} ${text}`)
        if (status !== 403) assert.match(text, /too large/i)
      }
      assert.equal(await statusOf(`/${'a'.repeat(14_500)}`), name === 'nginx' ? 414 : 200)
    })

    test('believes nothing of what a client says in its place', async () => {
      const said = [
        { 'x-original-uri': '/harmless', 'x-original-method': 'GET' },
        { 'x-forwarded-uri': '/harmless', 'x-forwarded-method': 'GET' },
        { 'sealwatch-token': 'swt_none', 'x-forwarded-for': '127.0.0.1' },
        { 'idempotency-key': 'of-a-harmless-request' },
      ]
      for (const headers of said) {
        const { status } = await ask(dropped, { headers })
        assert.ok(status >= 400, `${status} ${JSON.stringify(headers)}`)
      }
    })
  })

describe('DET-4 while nobody can be asked', { skip: noProxy('nginx') ?? false }, () => {
  for (const [isOpen, expected] of [
    [false, 500],
    [true, 200],
  ] as const)
    test(`nginx ${isOpen ? 'passes requests on where it was told to' : 'keeps requests out'}`, async () => {
      const away = await startServer()
      const { url } = away
      await away[Symbol.asyncDispose]()
      await using proxy = await startProxy('nginx', { url, token, isOpen })
      assert.equal((await proxy.ask('/')).status, expected)
    })

  test('nginx blocks threats all the same where it was told to be open, and what is too long to be judged', async () => {
    await using proxy = await startProxy('nginx', { url: server.url, token, isOpen: true })
    assert.equal((await proxy.ask('/', { headers: { cookie: `a=${'b'.repeat(20_000)}` } })).status, 400)
    assert.equal((await proxy.ask(dropped)).status, 403)
    assert.equal((await proxy.ask('/')).status, 200)
  })
})

describe('DET-4 behind an origin of https', { skip: noProxy('nginx') ?? noProxy('caddy') ?? false }, () => {
  let https: TestServer
  let its: string
  before(async () => {
    https = await startServer({
      SEALWATCH_SERVER_TRUSTED_PROXIES: '127.0.0.1',
      SEALWATCH_SERVER_PUBLIC_ORIGIN: 'https://seal.example',
    })
    const body = { name: 'proxy', actions: ['threat:analyze' as const], ttl_seconds: 3600 }
    its = (await https.root('default').call('createToken', { body })).token
  })
  after(() => https[Symbol.asyncDispose]())

  test('nginx asks without what its clients say of how they came', async () => {
    await using proxy = await startProxy('nginx', { url: https.url, token: its })
    for (const proto of ['http', 'https'])
      assert.equal((await proxy.ask('/', { headers: { 'x-forwarded-proto': proto } })).status, 200, proto)
  })

  test('Caddy in the open asks in vain, unless it does so without the header, as our page says', async () => {
    await using plain = await startProxy('caddy', { url: https.url, token: its })
    assert.equal((await plain.ask('/')).status, 403)
    await using without = await startProxy('caddy', { url: https.url, token: its, isPlain: true })
    assert.equal((await without.ask('/')).status, 200)
  })
})
