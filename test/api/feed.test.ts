// SPDX-License-Identifier: Apache-2.0
// API-2: the live feed of a whole server, over real sockets.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { pressOf } from '../../apps/server/test/follow-link.ts'
import { eventually } from '../system/platform.ts'
import { joinHost, type TestHost } from './host.ts'
import { type Listener, listen } from './listener.ts'
import { startServer, type TestServer } from './server.ts'

let server: TestServer
let host: TestHost
let theirs: TestHost

before(async () => {
  server = await startServer({ SEALWATCH_SERVER_FEED_PER_PRINCIPAL: '2', SEALWATCH_SERVER_FEED_PER_TENANT: '8' })
  for (const name of ['acme', 'zeta']) await server.root('cluster').call('createTenant', { body: { name } })
  host = await joinHost(server, 'acme', 'web-1')
  theirs = await joinHost(server, 'zeta', 'theirs')
})
after(async () => {
  await host[Symbol.asyncDispose]()
  await theirs[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
})

const tokenOf = async (tenant: string, ...actions: string[]) =>
  server.root(tenant).call('createToken', { body: { name: 'listener', actions, ttl_seconds: 600 } })
const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } })
const listener = async (query = '', tenant = 'acme') =>
  listen(server.url, { ...bearer((await tokenOf(tenant, 'feed:subscribe')).token), query })
const refusal = async (opening: Promise<Listener>) =>
  opening.then(
    () => assert.fail('it was let in'),
    ({ status, body }: { status: number; body: string }) => [status, JSON.parse(body).code],
  )

/** A read of /etc/shadow as our own rules know it. */
const shadow = JSON.parse(readFileSync(new URL('../../rules/shadow-read.fires.json', import.meta.url), 'utf8'))

test('who listens hears where the ledger is, what comes, and what was found, of the own tenant alone', async () => {
  const one = await listener()
  const head = await one.until(({ type }) => type === 'head')
  assert.deepEqual(Object.keys(head), ['type', 'cursor', 'size', 'signed', 'published', 'published_at', 'quorum'])
  theirs.see({ class_uid: 1007, message: 'of zeta' })
  host.see({ class_uid: 1007, activity_id: 1, severity_id: 1, message: 'of acme' })
  const event = await one.until(({ type }) => type === 'event')
  assert.deepEqual((event.line as { event: object }).event, {
    activity_id: 1,
    class_uid: 1007,
    message: 'of acme',
    severity_id: 1,
  })
  assert.deepEqual([event.cursor, event.host], [Number(event.leaf_index) + 1, { id: host.hostId, name: 'web-1' }])
  host.see(shadow)
  const alert = await one.until(({ type }) => type === 'alert')
  const { name, matched } = alert.reason as { name: string; matched: object[] }
  assert.ok(name !== '' && matched.length > 0 && (alert.ancestry as object[]).length > 0)
  const proven = await one.until(
    ({ type, published }) => type === 'head' && Number(published) > Number(alert.leaf_index),
  )
  assert.ok(proven.cursor > Number(alert.leaf_index))
  assert.ok(!JSON.stringify(one.told).includes('of zeta'))
  one.ws.close()
})

test('the first line of a host that joins while one listens is told with its name', async () => {
  const one = await listener()
  host.see({ class_uid: 1007, message: 'the hosts are known by now' })
  await one.until(({ type, host: by }) => type === 'event' && (by as { name?: string } | null)?.name === 'web-1')
  await using joined = await joinHost(server, 'acme', 'web-2')
  joined.see({ class_uid: 1007, message: 'of one that joined' })
  const event = await one.until(
    ({ line }) => (line as { event?: { message?: string } } | undefined)?.event?.message === 'of one that joined',
  )
  assert.deepEqual(event.host, { id: joined.hostId, name: 'web-2' })
})

test('a filter is kept to, and a cursor goes on where it stood', async () => {
  const first = await listener('?filter=class%3Dfile')
  host.see({ class_uid: 1007, message: 'passed over' })
  host.see({ class_uid: 1001, message: 'first' })
  const { cursor } = await first.until(({ type }) => type === 'event')
  first.ws.close()
  await first.closed
  for (const n of [2, 3, 4]) host.see({ class_uid: 1001, message: `file ${n}` })
  const again = await listener(`?filter=class%3Dfile&cursor=${cursor}`)
  await again.until(({ line }) => JSON.stringify(line ?? '').includes('file 4'))
  const messages = again.told.flatMap(({ line }) =>
    line === undefined ? [] : [(line as { event: { message: string } }).event.message],
  )
  assert.deepEqual(messages, ['file 2', 'file 3', 'file 4'])
  again.ws.close()
})

test('nobody listens without credentials, permission, a way that fits, or room', async () => {
  const { token } = await tokenOf('acme', 'feed:subscribe')
  assert.deepEqual(await refusal(listen(server.url, {})), [401, 'CREDENTIALS_INVALID'])
  const altered = token.replace(/.$/, (last) => (last === '0' ? '1' : '0'))
  assert.deepEqual(await refusal(listen(server.url, bearer(altered))), [401, 'CREDENTIALS_INVALID'])
  assert.deepEqual(await refusal(listen(server.url, bearer((await tokenOf('acme', 'event:list')).token))), [
    403,
    'ACCESS_DENIED',
  ])
  const elsewhere = { headers: { ...bearer(token).headers, 'sealwatch-tenant': 'zeta' } }
  assert.deepEqual(await refusal(listen(server.url, elsewhere)), [409, 'TENANT_SWITCHED'])
  for (const [query, code] of [
    ['?filter=clas%3Dfile', 'REQUEST_INVALID'],
    ['?cursor=-1', 'REQUEST_INVALID'],
    ['?cursor=9007199254740991', 'FEED_CURSOR'],
    ['?tenant=zeta', 'REQUEST_INVALID'],
  ] as const)
    assert.deepEqual(await refusal(listen(server.url, { ...bearer(token), query })), [400, code])
  const plain = await server.send({ method: 'GET', path: '/api/v1/feed', ...bearer(token) })
  assert.deepEqual([plain.status, JSON.parse(plain.text).code], [426, 'UPGRADE_NEEDED'])
  const elsewhereTo = await server.send({
    method: 'GET',
    path: '/api/v1/roles',
    headers: { ...bearer(token).headers, connection: 'upgrade', upgrade: 'websocket' },
  })
  assert.equal(elsewhereTo.status, 403)

  const sockets = [await listen(server.url, bearer(token)), await listen(server.url, bearer(token))]
  assert.deepEqual(await refusal(listen(server.url, bearer(token))), [429, 'FEED_TOO_MANY'])
  sockets[0]?.ws.close()
  await sockets[0]?.closed
  const third = await listen(server.url, bearer(token))
  for (const { ws } of [...sockets, third]) ws.close()
  await third.closed
})

test('a tenant has so many feeds, however many listen in its name; others have theirs', async () => {
  await server.root('cluster').call('createTenant', { body: { name: 'globex' } })
  const tokens = await Promise.all(Array.from({ length: 5 }, () => tokenOf('globex', 'feed:subscribe')))
  const [last, ...others] = tokens.map(({ token }) => bearer(token))
  const open = await Promise.all(others.flatMap((one) => [listen(server.url, one), listen(server.url, one)]))
  assert.equal(open.length, 8)
  assert.deepEqual(await refusal(listen(server.url, last ?? {})), [429, 'FEED_TOO_MANY'])
  const elsewhere = await listener()
  open[0]?.ws.terminate()
  await open[0]?.closed
  // The server hears of it a moment later.
  const again = await eventually('room for one more', () => listen(server.url, last ?? {}).catch(() => undefined))
  for (const { ws } of [...open, elsewhere, again]) ws.close()
  await again.closed
})

test("a browser's socket brings its token among its protocols, and is answered with ours", async () => {
  const { token } = await tokenOf('acme', 'feed:subscribe')
  const one = await listen(server.url, { protocols: ['sealwatch.feed.v1', `sealwatch.token.${token}`] })
  assert.equal(one.ws.protocol, 'sealwatch.feed.v1')
  one.ws.close()
  const wrong = { protocols: ['sealwatch.feed.v1', `sealwatch.token.swt_${'A'.repeat(51)}`] }
  assert.deepEqual(await refusal(listen(server.url, wrong)), [401, 'CREDENTIALS_INVALID'])
  assert.ok(!server.log.some((line) => line.includes(token.slice(4, 30))))
})

test('a session listens from our own pages alone, and no longer than it lives', async () => {
  const body = { name: 'root', reason: 'a test of the feed', minutes: 5 }
  const { url } = await server.root('cluster').call('openBreakGlass', { body })
  const entered = await server.send(pressOf(url))
  const cookie = String(entered.headers['set-cookie']).split(';')[0] ?? ''
  const open = (origin: string | undefined) =>
    listen(server.url, { headers: { cookie, ...(origin === undefined ? {} : { origin }) } })
  for (const origin of [undefined, 'null', 'http://localhost:1', 'https://evil.example'])
    assert.deepEqual(await refusal(open(origin)), [403, 'ORIGIN_FOREIGN'])
  const one = await open(server.url)
  await one.until(({ type }) => type === 'head')
  const session = await server.send({ method: 'GET', path: '/api/v1/session', headers: { cookie } })
  const { csrf_token } = JSON.parse(session.text) as { csrf_token: string }
  const out = { cookie, origin: server.url, 'sealwatch-csrf': csrf_token }
  await server.send({ method: 'POST', path: '/auth/logout', headers: out })
  assert.equal((await one.closed).code, 4401)
})

test('what is taken away is felt: a token, a tenant; and whoever speaks is not listened to', async () => {
  const { token, info } = await tokenOf('acme', 'feed:subscribe')
  const one = await listen(server.url, bearer(token))
  await server.root('acme').call('revokeToken', { params: { token_id: info.token_id } })
  const { code, reason } = await one.closed
  assert.deepEqual([code, /^CREDENTIALS_ENDED cursor=\d+$/.test(reason)], [4401, true])

  const two = await listener()
  await server.root('cluster').call('suspendTenant', { params: { tenant_name: 'acme' } })
  assert.equal((await two.closed).code, 4403)
  await server.root('cluster').call('resumeTenant', { params: { tenant_name: 'acme' } })

  const three = await listener()
  three.ws.send('hello')
  assert.equal((await three.closed).code, 1008)
  const four = await listener()
  four.ws.send('x'.repeat(5_000))
  assert.equal((await four.closed).code, 1009)
})

test('who reads too slowly is cut off, told where to go on, and then misses nothing', async () => {
  const slow = await listener('?filter=text~flood')
  const { cursor: start } = await slow.until(({ type }) => type === 'head')
  slow.ws.pause()
  // More than kernels keep for a socket, and more than a hub keeps for everybody.
  const size = 40_000
  const count = 450
  for (let n = 0; n < count; n += 1) host.see({ class_uid: 1007, n, message: `flood ${'x'.repeat(size)}` })
  await eventually('the slow one to be cut off', async () => (await cutOff()) || undefined)
  slow.ws.resume()
  const { code, reason } = await slow.closed
  assert.deepEqual([code, reason], [4408, `TOO_SLOW cursor=${/\d+$/.exec(reason)?.[0]}`])
  const told = Number(/\d+$/.exec(reason)?.[0])
  assert.ok(told >= slow.cursor)
  const again = await listener(`?filter=text~flood&cursor=${told}`)
  const last = (line: unknown) => (line as { event: { n: number } } | undefined)?.event.n === count - 1
  await again.until(({ line }) => last(line))
  const heard = [...slow.told, ...again.told].flatMap(({ line }) =>
    line === undefined ? [] : [(line as { event: { n: number } }).event.n],
  )
  assert.deepEqual(
    heard,
    Array.from({ length: count }, (_, n) => n),
  )
  assert.ok(start < told)
  again.ws.close()
})

async function cutOff(): Promise<number> {
  const { health } = await server.root('cluster').call('getStatus')
  const text = await (await fetch(`${health}/metrics`)).text()
  return Number(/sealwatch_feed_ended_total\{cause="too_slow"\} (\d+)/.exec(text)?.[1] ?? 0)
}

test('the server says how it tells, and that it stops', async () => {
  const { health } = await server.root('cluster').call('getStatus')
  const told = (await (await fetch(`${health}/healthz`)).json()) as { broadcaster_mode: string }
  assert.equal(told.broadcaster_mode, 'in_process')
  const other = await startServer()
  const { token } = await other.root('default').call('createToken', {
    body: { name: 'l', actions: ['feed:subscribe'], ttl_seconds: 600 },
  })
  const one = await listen(other.url, bearer(token))
  await other[Symbol.asyncDispose]()
  assert.equal((await one.closed).code, 1001)
})
