// SPDX-License-Identifier: Apache-2.0
// ING-4: how people let in what no signature covers, over the network: the whole control plane.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { generateSigner } from '@sealwatch/keys'
import { pressOf } from '../../apps/server/test/follow-link.ts'
import { joinHost, type TestHost } from './host.ts'
import { type Asked, startServer, type TestServer } from './server.ts'

let server: TestServer
let host: TestHost

before(async () => {
  server = await startServer()
  await server.root('cluster').call('createTenant', { body: { name: 'zeta' } })
  // It signs by another key than the one that its signatures name.
  host = await joinHost(server, 'default', 'forger', ({ keyId }) => ({ ...generateSigner(), keyId }))
})
after(async () => {
  await host[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
})

const says = (code: string) => (error: unknown) => (error as { problem: { code: string } }).problem.code === code

/** Somebody whom a tenant gave a role, by a session there. */
async function personOf(tenant: string, name: string) {
  const glass = { name, reason: 'a test of quarantine', minutes: 5 }
  const { url } = await server.root('cluster').call('openBreakGlass', { body: glass })
  const cookieOf = (answer: Asked) => String(answer.headers['set-cookie']).split(';')[0] ?? ''
  const own = async (cookie: string) => {
    const session = await server.send({ method: 'GET', path: '/api/v1/session', headers: { cookie } })
    const { csrf_token, principal } = JSON.parse(session.text) as { csrf_token: string; principal: { id: string } }
    const headers = { cookie, origin: server.url, 'sealwatch-csrf': csrf_token, 'content-type': 'application/json' }
    return { headers, person_id: principal.id }
  }
  const first = await own(cookieOf(await server.send(pressOf(url))))
  const { person_id } = first
  await server.root(tenant).call('grantRole', { params: { person_id, role: 'tenant_admin' } })
  // A session that goes to another tenant has another cookie.
  const body = JSON.stringify({ tenant })
  const went = await server.send({ ...first, method: 'POST', path: '/api/v1/session/tenant', body })
  const { headers } = await own(cookieOf(went))
  return async (path: string, body: object = {}) => {
    const { status, text } = await server.send({
      method: 'POST',
      path: `/api/v1/quarantine/${path}`,
      headers,
      body: JSON.stringify(body),
    })
    const { code, outcome, release } = JSON.parse(text) as {
      code?: string
      outcome?: string
      release?: { requested_by: string; request: string }
    }
    return { status, code, outcome, release }
  }
}

async function waiting() {
  host.see({ class_uid: 1007, activity_id: 1, severity_id: 1, message: 'whose is it' })
  for (;;) {
    const { items } = await server.root('default').call('listQuarantine', { query: { state: 'waiting', limit: 1 } })
    const [item] = items
    if (item !== undefined) return item
    await new Promise((resolve) => setImmediate(resolve))
  }
}

test('ING-4 by REST: one person asks, another approves; nobody else does, and no other tenant sees it', async () => {
  const { leaf_index, reason } = await waiting()
  assert.equal(reason, 'invalid_signature')
  const [ann, bob, zoe] = [
    await personOf('default', 'ann'),
    await personOf('default', 'bob'),
    await personOf('zeta', 'zoe'),
  ]
  const path = `items/${leaf_index}/release`
  const none = { request: `rel_${'0'.repeat(20)}` }
  assert.equal((await bob(`${path}/approve`, none)).code, 'RELEASE_NOT_ASKED')
  const asked = await ann(path, { cause: 'INC-7' })
  assert.match(asked.release?.requested_by ?? '', /^person:/)
  const root = server.root('default')
  const turned = { request: asked.release?.request ?? '', cause: 'not yet' }
  const requests = async () => (await root.call('listReleases')).items.map(({ release }) => release.request)
  assert.deepEqual(await requests(), [turned.request])
  assert.equal((await zoe(`${path}/reject`, turned)).code, 'QUARANTINE_UNKNOWN')
  assert.equal((await bob(`${path}/reject`, turned)).status, 200)
  assert.deepEqual(await requests(), [])
  assert.equal((await bob(`${path}/approve`, { request: turned.request })).code, 'RELEASE_NOT_ASKED')
  const seen = { request: (await ann(path, { cause: 'INC-7' })).release?.request ?? '' }
  assert.equal((await ann(`${path}/approve`, seen)).code, 'RELEASE_BY_PERSON')
  assert.equal((await bob(path, { cause: 'mine' })).code, 'RELEASE_PENDING')
  for (const [tried, body] of [
    [path, { cause: 'x' }],
    [`${path}/approve`, seen],
  ] as const) {
    const { status, code } = await zoe(tried, body)
    assert.deepEqual([status, code], [404, 'QUARANTINE_UNKNOWN'])
  }
  const { token } = await root.call('createToken', {
    body: { name: 'releaser', actions: ['quarantine:release'], ttl_seconds: 600 },
  })
  const params = { leaf_index }
  await assert.rejects(server.by(token).call('approveRelease', { params, body: seen }), says('RELEASE_BY_PERSON'))
  const { rows, releases } = await root.call('getQuarantineWaiting')
  assert.deepEqual([rows.invalid_signature > 0, releases], [true, 1])
  const picture = await root.call('getQuarantinePicture', { query: { reason: 'invalid_signature' } })
  assert.deepEqual(picture.rows, rows)
  assert.deepEqual(
    picture.producers.groups.map(({ name, items }) => [name, items]),
    [[host.hostId, picture.items]],
  )
  assert.equal((await root.call('getQuarantinePicture', { query: { producer: 'another' } })).items, 0)
  const waits = async () => (await server.root('cluster').call('getStatus')).quarantine
  const before = await waits()
  assert.deepEqual(before, [{ tenant: 'default', items: picture.items, rows: rows.invalid_signature }])
  assert.equal((await bob(`${path}/approve`, seen)).outcome, 'admitted')
  assert.equal((await waits())[0]?.items ?? 0, picture.items - 1, 'the status says what waits, not what came')
  assert.equal((await root.call('approveRelease', { params, body: seen })).outcome, 'already')
  assert.equal((await ann(path, { cause: 'again' })).code, 'RELEASE_DONE')
  const { item, release } = await root.call('showQuarantined', { params })
  assert.deepEqual([item.state, item.admitted_how, release?.cause], ['admitted', 'released', 'INC-7'])
})
