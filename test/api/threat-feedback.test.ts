// SPDX-License-Identifier: Apache-2.0
// DET-1: what people say of threats, and what calibration and suggested exceptions make of it, against a whole server.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ApiProblem } from '@sealwatch/contract/api'
import { run } from '../../apps/cli/src/cli.ts'
import { testIo } from '../../apps/cli/test/test-io.ts'
import { startServer, type TestServer } from './server.ts'

const attack = {
  method: 'GET',
  url: '/search?q=1%27%3B%20DROP%20TABLE%20users%3B%20--',
  headers: [['Host', 'shop.example']],
  address: '198.51.100.23',
  route: '/search',
}
let server: TestServer
let token: string
let lines: number[]
/** What weighs most in it, as commands name it. */
let most: { readonly detector: string; readonly id: string }

before(async () => {
  server = await startServer()
  for (const name of ['acme', 'zeta']) await server.root('cluster').call('createTenant', { body: { name } })
  const actions = ['threat:read', 'threat:feedback', 'rule:except']
  token = (await server.root('acme').call('createToken', { body: { name: 't', actions, ttl_seconds: 600 } })).token
  lines = []
  for (let n = 0; n < 3; n += 1) {
    const told = await server.root('acme').call('analyzeThreat', { body: { request_context: attack } })
    lines.push(told.ledger?.leaf_index as number)
    const { detector = '', id = '' } = told.threat?.reasons[0] ?? {}
    most = { detector, id }
  }
})
after(() => server[Symbol.asyncDispose]())

async function detect(...args: string[]) {
  const io = testIo({ env: { SEALWATCH_TOKEN: token } })
  const code = await run(['detect', ...args, '--server', server.url], io)
  return { code, out: io.said(), err: io.complained() }
}
const is = (code: string) => (error: unknown) => error instanceof ApiProblem && error.problem.code === code
const calibration = () => server.root('acme').call('getThreatCalibration')
const judged = async () => (await calibration()).scores.reduce((sum, count) => sum + count, 0)

test('DET-1 a false alarm counts as harmless, what was right does not; each is an act in the ledger', async () => {
  assert.equal(await judged(), 3)
  const said = await detect('feedback', String(lines[0]), 'false-alarm', '--because', 'people search for SQL')
  assert.deepEqual([said.code, said.out], [0, `The threat in line ${lines[0]} was a false alarm.\n`], said.err)
  await detect('feedback', String(lines[1]), 'right')
  const { reasons, feedback } = await calibration()
  assert.deepEqual(feedback, { false_alarms: 1, right: 1 })
  assert.deepEqual(reasons[0], { ...most, threats: 3, false_alarms: 1 })
  assert.equal(await judged(), 2)
  const { items } = await server.root('acme').call('listActs', { query: { order: 'oldest' } })
  const acts = items
    .map(({ line }) => line.event as { metadata: { event_code: string }; unmapped: Record<string, unknown> })
    .filter(({ metadata }) => metadata.event_code === 'request_feedback_given')
  assert.deepEqual(
    acts.map(({ unmapped: said }) => [said.request_feedback, said.request_feedback_of, said.change_cause]),
    [
      ['false_alarm', lines[0], 'people search for SQL'],
      ['right', lines[1], ''],
    ],
  )
})

test('DET-1 what is a false alarm again is suggested to be excepted, until it is', async () => {
  assert.doesNotMatch((await detect('calibrate')).out, /except add/)
  await detect('feedback', String(lines[1]), 'false-alarm')
  assert.equal(await judged(), 3)
  const { out } = await detect('calibrate')
  const [, command = ''] = /^ {2}\.\/sealwatch detect (except add 'rules:7000110' .*) --server \S+$/m.exec(out) ?? []
  assert.equal(
    command,
    "except add 'rules:7000110' --route /search --method GET --where 'ARGS_GET:q' --until 90d --because '2 false alarms'",
  )
  const words = (command.match(/'[^']*'|\S+/g) ?? []).map((word) => word.replaceAll("'", ''))
  assert.equal((await detect(...words)).code, 0)
  assert.doesNotMatch((await detect('calibrate')).out, /except add 'rules:7000110' /)
})

test('POL-1 there is feedback on alerts of requests of the own tenant alone, from who may give it', async () => {
  const size = (await server.root('acme').call('getLedger')).size
  for (const leaf of [0, size + 10, Number.MAX_SAFE_INTEGER])
    await assert.rejects(
      server.by(token).call('giveThreatFeedback', { params: { leaf }, body: { verdict: 'right' } }),
      is('THREAT_UNKNOWN'),
    )
  await assert.rejects(
    server
      .root('zeta')
      .call('giveThreatFeedback', { params: { leaf: lines[0] as number }, body: { verdict: 'right' } }),
    is('THREAT_UNKNOWN'),
  )
  assert.deepEqual((await server.root('zeta').call('getThreatCalibration')).feedback, { false_alarms: 0, right: 0 })
  assert.equal((await detect('feedback', String(lines[0]), 'maybe')).code, 2)
  const body = { name: 'r', actions: ['threat:read'], ttl_seconds: 600 }
  const reader = server.by((await server.root('acme').call('createToken', { body })).token)
  const given = reader.call('giveThreatFeedback', { params: { leaf: lines[0] as number }, body: { verdict: 'right' } })
  await assert.rejects(given, is('ACCESS_DENIED'))
})
