// SPDX-License-Identifier: Apache-2.0
// DET-1, POL-2: what becomes of a request by its score, per tenant, by command and by API of a whole server.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, test } from 'node:test'
import { run } from '../../apps/cli/src/cli.ts'
import { testIo } from '../../apps/cli/test/test-io.ts'
import { startServer, type TestServer } from './server.ts'

const attack = {
  method: 'GET',
  url: '/search?q=1%27%3B%20DROP%20TABLE%20users%3B%20--',
  headers: [['Host', 'shop.example']],
  address: '198.51.100.23',
}
/** Of two lengths, which is odd and no certain attack. */
const doubtful = {
  ...attack,
  url: '/search?q=books',
  headers: [
    ['Host', 'shop.example'],
    ['Content-Length', '5'],
    ['Transfer-Encoding', 'chunked'],
  ],
}
let dir: string
let server: TestServer

before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'sealwatch-threat-settings-'))
  server = await startServer({}, undefined, { dir })
  for (const name of ['acme', 'zeta']) await server.root('cluster').call('createTenant', { body: { name } })
})
after(async () => {
  await server[Symbol.asyncDispose]()
  rmSync(dir, { recursive: true })
})

const tokenOf = async (tenant: string, ...actions: string[]) =>
  (await server.root(tenant).call('createToken', { body: { name: 't', actions, ttl_seconds: 600 } })).token

async function settings(token: string, ...args: string[]) {
  const io = testIo({ env: { SEALWATCH_TOKEN: token } })
  const code = await run(['detect', 'settings', ...args, '--server', server.url], io)
  return { code, out: io.said(), err: io.complained() }
}
const judged = async (tenant: string, request_context = attack) => {
  const told = await server.root(tenant).call('analyzeThreat', { body: { request_context } })
  return [told.threat_detected, told.recommendation, told.action]
}
const eventsOf = async (tenant: string) => {
  const { items } = await server.root(tenant).call('listEvents', { query: { filter: 'source=server', limit: 500 } })
  return items.map(({ line }) => line.event as { metadata: { event_code: string }; unmapped?: Record<string, unknown> })
}

test('DET-1 nothing is blocked before a tenant says so; then attacks are, in that tenant alone', async () => {
  assert.deepEqual(await judged('acme'), [true, 'block', 'observe'])
  const token = await tokenOf('acme', 'threat:read', 'threat:tune')
  assert.match((await settings(token)).out, /^Nothing is blocked.* from 50 .* from 75 .* from 90 blocked\.\n$/)
  const set = await settings(token, 'set', '--mode', 'block', '--block', '95', '--because', 'it is quiet')
  assert.equal(set.code, 0, set.err)
  assert.match(set.out, /^Attacks are blocked.* from 95 blocked/)
  assert.deepEqual(await judged('acme'), [true, 'block', 'block'])
  assert.deepEqual(await judged('zeta'), [true, 'block', 'observe'])
  assert.deepEqual(await judged('acme', doubtful), [true, 'challenge', 'challenge'])
  await settings(token, 'set', '--challenge', '94', '--because', 'too many were asked')
  assert.deepEqual(await judged('acme', doubtful), [true, 'observe', 'observe'])
  const shown = await settings(token)
  assert.match(
    shown.out,
    /^2 .* machine:\S+ +block +50 94 95 +too many were asked\n1 .* block +50 75 95 +it is quiet$/m,
  )
})

test('POL-2 each change is an act in the ledger of its tenant, with what it sets, who and why', async () => {
  const acts = (await eventsOf('acme')).filter(({ metadata }) => metadata.event_code === 'request_settings_set')
  assert.deepEqual(
    acts.map(({ unmapped: { request_settings, request_settings_version, change_cause } = {} }) => [
      request_settings_version,
      request_settings,
      change_cause,
    ]),
    [
      [2, 'block 50 94 95', 'too many were asked'],
      [1, 'block 50 75 95', 'it is quiet'],
    ],
  )
  assert.ok(!(await eventsOf('zeta')).some(({ metadata }) => metadata.event_code === 'request_settings_set'))
})

test('POL-1 thresholds that do not rise, and what is nobody’s to change, are refused, and nothing changes', async () => {
  const token = await tokenOf('acme', 'threat:read', 'threat:tune')
  assert.match((await settings(token, 'set', '--block', '60', '--because', 'x')).err, /REQUEST_THRESHOLDS/)
  assert.equal((await settings(token, 'set', '--block', '101', '--because', 'x')).code, 2)
  assert.equal((await settings(token, 'set', '--because', 'x')).code, 2)
  assert.match((await settings(token, 'set', '--block', '90')).err, /Say why/)
  const reader = await tokenOf('acme', 'threat:read')
  assert.match((await settings(reader, 'set', '--block', '90', '--because', 'x')).err, /ACCESS_DENIED/)
  assert.equal((await server.root('acme').call('getThreatSettings')).version, 2)
})

test('POL-1 after a start the settings are those of the ledger, and a row that somebody wrote is an alarm', async () => {
  await server[Symbol.asyncDispose]()
  server = await startServer({}, undefined, { dir })
  assert.deepEqual(await judged('acme', doubtful), [true, 'observe', 'observe'])
  assert.deepEqual(await judged('acme'), [true, 'block', 'block'])
  assert.ok(!(await eventsOf('acme')).some(({ metadata }) => metadata.event_code === 'row_unvouched'))
  await server[Symbol.asyncDispose]()
  const database = new DatabaseSync(join(dir, 'index.sqlite'))
  database.exec(`UPDATE request_settings SET mode = 'observe' WHERE tenant = 'acme' AND version = 2`)
  database.close()
  server = await startServer({}, undefined, { dir })
  assert.deepEqual(await judged('acme', doubtful), [true, 'observe', 'observe'])
  assert.deepEqual(await judged('acme'), [true, 'block', 'block'])
  assert.ok((await eventsOf('acme')).some(({ metadata }) => metadata.event_code === 'row_unvouched'))
})

test('POL-1 what stays when settings are changed is what is in force, and not what somebody wrote into the row', async () => {
  const token = await tokenOf('acme', 'threat:read', 'threat:tune')
  const set = await settings(token, 'set', '--challenge', '93', '--because', 'a little less')
  assert.match(set.out, /^Attacks are blocked.* from 93 challenged; from 95 blocked/, set.err)
  assert.deepEqual(await judged('acme'), [true, 'block', 'block'])
})

test('POL-1 rows that somebody removed are an alarm, too, and the settings are still those of the ledger', async () => {
  const alarms = async () => (await eventsOf('acme')).filter(({ metadata }) => metadata.event_code === 'row_unvouched')
  const before = (await alarms()).length
  await server[Symbol.asyncDispose]()
  const database = new DatabaseSync(join(dir, 'index.sqlite'))
  database.exec(`DELETE FROM request_settings WHERE tenant = 'acme'`)
  database.close()
  server = await startServer({}, undefined, { dir })
  assert.deepEqual(await judged('acme'), [true, 'block', 'block'])
  assert.equal((await alarms()).length, before + 1)
  assert.deepEqual(await judged('zeta'), [true, 'block', 'observe'])
  const token = await tokenOf('acme', 'threat:read', 'threat:tune')
  assert.match((await settings(token, 'set', '--block', '96', '--because', 'anew')).out, /from 93 .* from 96 blocked/)
  await server[Symbol.asyncDispose]()
  server = await startServer({}, undefined, { dir })
  assert.match((await settings(await tokenOf('acme', 'threat:read'))).out, /^Attacks are blocked.* from 96 blocked/)
  assert.equal((await alarms()).length, before + 1)
})
