// SPDX-License-Identifier: Apache-2.0
// DET-4: what services judge, or have judged, stands in the ledger of a whole server.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { askServer, type HttpOptions, sealwatch, type Threat } from '@sealwatch/detect/http'
import { openJudge } from '@sealwatch/detect/open-judge'
import { startServer, type TestServer } from './server.ts'

const dropped = "1'; DROP TABLE users; --"

let server: TestServer
let token: string

before(async () => {
  server = await startServer()
  const body = { name: 'shop', actions: ['threat:analyze' as const], ttl_seconds: 3600 }
  token = (await server.root('default').call('createToken', { body })).token
  await server.root('default').call('setThreatSettings', { body: { mode: 'block', reason: 'it is tried' } })
})
after(() => server[Symbol.asyncDispose]())

async function startShop(options: HttpOptions) {
  const shop = createServer(sealwatch(options, (_request, response) => response.end('fine'))).listen(0, '127.0.0.1')
  await once(shop, 'listening')
  return {
    url: `http://127.0.0.1:${(shop.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      shop.close()
      shop.closeAllConnections()
    },
  }
}
const asked = () =>
  askServer({ url: server.url.replace('localhost', '127.0.0.1'), token: () => token, limits: { answerMs: 60_000 } })
const alertsOf = async (id: string | undefined) => {
  const { items } = await server.root('default').call('listEvents', { query: { limit: 100 } })
  return items.map((item) => JSON.stringify(item)).filter((item) => item.includes(String(id)))
}

for (const [name, options] of [
  ['the server judges', () => ({ judge: asked() })],
  ['the service judges itself', () => ({ judge: openJudge({}), ledger: asked() })],
] as const)
  test(`DET-4 what is blocked where ${name} is an alert in the ledger`, async () => {
    const told = Promise.withResolvers<Threat>()
    await using shop = await startShop({ ...options(), onThreat: told.resolve })
    const post = (body: object) =>
      fetch(shop.url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
    assert.equal(await (await post({ q: 'blue table' })).text(), 'fine')
    const blocked = await post({ q: dropped })
    assert.equal(blocked.status, 403)
    const { title, request_id: id } = (await blocked.json()) as Record<string, unknown>
    assert.equal(title, 'Request blocked for security reasons')
    const { opinion, alert } = await told.promise
    assert.equal(opinion.id, id)
    const [line, ...more] = await alertsOf(alert)
    assert.match(line ?? '', /request_threat/)
    assert.match(line ?? '', /ARGS_POST:q/)
    assert.deepEqual(more, [])
  })
