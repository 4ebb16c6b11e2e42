// SPDX-License-Identifier: Apache-2.0
// POL-1, POL-3: who sees the acts of a tenant, and that every denial is one of them, on a whole server.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { pressOf } from '../../apps/server/test/follow-link.ts'
import { joinHost, type TestHost } from './host.ts'
import { listen } from './listener.ts'
import { startServer, type TestServer } from './server.ts'

let server: TestServer
let host: TestHost

before(async () => {
  server = await startServer()
  for (const name of ['acme', 'zeta']) await server.root('cluster').call('createTenant', { body: { name } })
  host = await joinHost(server, 'acme', 'web-1')
})
after(async () => {
  await host[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
})

const tokenOf = (...actions: string[]) =>
  server.root('acme').call('createToken', { body: { name: 'reader', actions, ttl_seconds: 600 } })
const headersOf = (token: string) => ({ authorization: `Bearer ${token}` })
/** A line that only an act leaves: of a role with this name. */
const act = (name: string) =>
  server.root('acme').call('putRole', { params: { name: name }, body: { actions: ['alert:list'] } })

test('whoever may not see acts finds none among the events, not by its place, and hears of none', async () => {
  const { token } = await tokenOf('event:list', 'feed:subscribe')
  const { token: overseer } = await tokenOf('event:list', 'feed:subscribe', 'audit:list')
  const feeds = await Promise.all(
    [token, overseer].map((one) => listen(server.url, { headers: headersOf(one), query: '' })),
  )
  const { ledger } = await act('oncall')
  host.see({ class_uid: 1007, activity_id: 1, severity_id: 1, message: 'after the act' })
  for (const feed of feeds) await feed.until(({ line }) => JSON.stringify(line ?? '').includes('after the act'))
  const heard = feeds.map(({ told }) => JSON.stringify(told).includes('oncall'))
  assert.deepEqual(heard, [false, true])
  const leaf = ledger.leaf_index ?? Number.NaN
  const get = async (by: string, path: string) => server.send({ method: 'GET', path, headers: headersOf(by) })
  for (const query of ['', '?filter=source%3Dserver', '?filter=not%20class%3Dfile', '?filter=text~oncall'])
    assert.deepEqual(
      await Promise.all(
        [token, overseer].map(async (by) => (await get(by, `/api/v1/events${query}`)).text.includes('oncall')),
      ),
      [false, true],
      query,
    )
  assert.equal((await get(token, `/api/v1/events/${leaf}`)).status, 403)
  assert.equal((await get(overseer, `/api/v1/events/${leaf}`)).status, 200)
  assert.match((await get(token, '/api/v1/events')).text, /after the act/)
  for (const { ws } of feeds) ws.close()
})

test('what is denied beyond the gate is told in the ledger of the tenant it was tried from, with why', async () => {
  const { token, info } = await tokenOf('token:create')
  const body = JSON.stringify({ name: 'more', actions: ['member:grant'], ttl_seconds: 600 })
  const headers = { ...headersOf(token), 'content-type': 'application/json' }
  const beyond = await server.send({ method: 'POST', path: '/api/v1/tokens', headers, body })
  assert.equal(JSON.parse(beyond.text).code, 'GRANT_BEYOND_OWN')
  const across = await server.send({
    method: 'GET',
    path: '/api/v1/tokens',
    headers: { ...headersOf(token), 'sealwatch-tenant': 'zeta' },
  })
  assert.equal(JSON.parse(across.text).code, 'TENANT_SWITCHED')
  await denied('acme', `machine:${info.token_id} was denied token:create (GRANT_BEYOND_OWN)`)
  await denied('acme', `machine:${info.token_id} was denied token:list (TENANT_SWITCHED)`)

  const glass = { name: 'root', reason: 'a test of denials', minutes: 5 }
  const { url } = await server.root('cluster').call('openBreakGlass', { body: glass })
  const entered = await server.send(pressOf(url))
  const cookie = String(entered.headers['set-cookie']).split(';')[0] ?? ''
  const session = await server.send({ method: 'GET', path: '/api/v1/session', headers: { cookie } })
  const { csrf_token, principal } = JSON.parse(session.text) as { csrf_token: string; principal: { id: string } }
  const own = { cookie, origin: server.url, 'sealwatch-csrf': csrf_token, 'content-type': 'application/json' }
  const going = { method: 'POST', path: '/api/v1/session/tenant', body: JSON.stringify({ tenant: 'zeta' }) }
  const foreign = await server.send({ ...going, headers: { ...own, origin: 'https://evil.example' } })
  assert.equal(JSON.parse(foreign.text).code, 'ORIGIN_FOREIGN')
  const held = await server.send({ ...going, headers: own })
  assert.equal(JSON.parse(held.text).code, 'TENANT_NOT_HELD')
  await denied('cluster', `person:${principal.id} was denied switchTenant (ORIGIN_FOREIGN)`)
  await denied('cluster', `person:${principal.id} was denied switchTenant (TENANT_NOT_HELD)`)
})

async function denied(tenant: string, message: string): Promise<void> {
  const feed = await server.root(tenant).call('listActs', { query: { limit: 50 } })
  const messages = () => JSON.stringify(feed.items)
  // It is written behind the answer: the next act of the tenant comes after it.
  if (messages().includes(message)) return
  await server.root(tenant).call('putRole', { params: { name: 'later' }, body: { actions: ['alert:list'] } })
  const later = await server.root(tenant).call('listActs', { query: { limit: 50 } })
  assert.ok(JSON.stringify(later.items).includes(message), message)
}
