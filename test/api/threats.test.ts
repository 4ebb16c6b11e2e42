// SPDX-License-Identifier: Apache-2.0
// DET-1, DET-3, API-1: requests of services, judged through the API of a whole server.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type ApiClient, ApiProblem } from '@sealwatch/contract/api'
import { startServer, type TestServer } from './server.ts'

let server: TestServer
let acme: ApiClient
const secret = 'correcthorsebattery'
const attack = {
  method: 'GET',
  url: `/search?q=1%27%3B%20DROP%20TABLE%20users%3B%20--${secret}`,
  headers: [['Host', 'shop.example']],
  address: '198.51.100.23',
  user: 'mallory',
}

before(async () => {
  server = await startServer()
  for (const name of ['acme', 'zeta']) await server.root('cluster').call('createTenant', { body: { name } })
  const body = { name: 'gateway', actions: ['threat:analyze'], ttl_seconds: 3600 }
  acme = server.by((await server.root('acme').call('createToken', { body })).token)
})
after(() => server[Symbol.asyncDispose]())

const alertsOf = async (tenant: string) => {
  const { items } = await server.root(tenant).call('listEvents', { query: { limit: 100 } })
  return items.filter((item) => JSON.stringify(item).includes('request_threat'))
}

test('DET-1 an attack is told with its reasons, and is an alert in the ledger of its tenant alone', async () => {
  const told = await acme.call('analyzeThreat', { body: { request_context: attack } })
  assert.equal(told.threat_detected, true)
  assert.equal(told.recommendation, 'block')
  assert.deepEqual([told.threat?.type, told.threat?.severity], ['sql_injection', 'critical'])
  assert.equal(told.threat?.reasons[0]?.where, 'ARGS_GET:q')
  assert.deepEqual(told.detectors, { absent: ['reputation'], cut: [] })
  assert.equal(told.ledger?.tenant, 'acme')
  assert.equal((await alertsOf('acme')).length, 1)
  assert.deepEqual(await alertsOf('zeta'), [])
})

test('DET-3 neither what was sent nor who sent it stands in the answer or the ledger', async () => {
  const told = await acme.call('analyzeThreat', { body: { request_context: attack } })
  for (const text of [JSON.stringify(told), JSON.stringify(await alertsOf('acme'))])
    for (const hidden of [secret, attack.user, attack.address]) assert.ok(!text.includes(hidden), hidden)
})

test('DET-1 a request that is none enters no ledger', async () => {
  const before = (await alertsOf('acme')).length
  const request_context = { method: 'GET', url: '/search?q=blue+table', address: '198.51.100.23' }
  const told = await acme.call('analyzeThreat', { body: { request_context } })
  assert.deepEqual(
    { ...told, detectors: undefined },
    {
      threat_detected: false,
      action: 'allow',
      recommendation: 'allow',
      excepted: [],
      detectors: undefined,
      ledger: null,
    },
  )
  assert.equal((await alertsOf('acme')).length, before)
})

test('DET-1 the scores of requests are counted for their tenant alone', async () => {
  const { days, scores, reasons, mode } = await server.root('acme').call('getThreatCalibration')
  const requests = scores.reduce((sum, count) => sum + count, 0)
  const threats = scores.slice(50).reduce((sum, count) => sum + count, 0)
  assert.deepEqual({ days, requests, threats, mode }, { days: 1, requests: 3, threats: 2, mode: 'observe' })
  assert.deepEqual(
    reasons.map(({ threats: times, false_alarms }) => [times, false_alarms]),
    [[2, 0]],
  )
  assert.equal((await server.root('zeta').call('getThreatCalibration')).days, 0)
})

test('DET-5 what is no request is refused by its form', async () => {
  const wrong = { ...attack, body: 'a', body_base64: 'YQ==' }
  await assert.rejects(acme.call('analyzeThreat', { body: { request_context: wrong } }), (error: unknown) => {
    assert.ok(error instanceof ApiProblem)
    return error.problem.code === 'CONTEXT_SHAPE'
  })
})

test('DET-4 what is too large is refused with the limits that count for it, and not as if it could wait', async () => {
  const refused = async (more: object) => {
    const problem = await acme
      .call('analyzeThreat', { body: { request_context: { ...attack, ...more } } })
      .catch((error: unknown) => error)
    assert.ok(problem instanceof ApiProblem)
    const { status, code, received, advice } = problem.problem
    return [status, code, received, advice]
  }
  const [status, code, , advice] = await refused({ body: 'x'.repeat(300_000) })
  assert.deepEqual([status, code], [413, 'REQUEST_TOO_LARGE'])
  assert.equal(advice, 'Send at most 262,144 bytes and 8,192 values here')
  assert.deepEqual(await refused({ method: 'x'.repeat(300) }), [
    413,
    'CONTEXT_TOO_LARGE',
    '300',
    'Hand over the beginning and the end of it, 256 at most',
  ])
})

test('DET-4 services have their requests judged by bounds of their own: what the API of the tenant may do beside is untouched', async () => {
  await using narrow = await startServer({ SEALWATCH_SERVER_API_PER_TENANT: '1' })
  const body = { name: 'gateway', actions: ['threat:analyze', 'alert:list'], ttl_seconds: 3600 }
  const shop = narrow.by((await narrow.root('default').call('createToken', { body })).token)
  const request_context = { method: 'GET', url: '/search?q=blue+table', address: '198.51.100.23' }
  for (let n = 0; n < 20; n += 1) await shop.call('analyzeThreat', { body: { request_context } })
  await shop.call('listAlerts', { query: {} })
})
