// SPDX-License-Identifier: Apache-2.0
// API-4, PKI-3: the host commands against a whole server.

import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { run } from '../../apps/cli/src/cli.ts'
import { testIo } from '../../apps/cli/test/test-io.ts'
import { eventually } from '../system/platform.ts'
import { joinHost, type TestHost } from './host.ts'
import { startServer, type TestServer } from './server.ts'

let server: TestServer
let host: TestHost
let token: string
let dir: string

before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'sealwatch-host-commands-'))
  server = await startServer()
  const actions = ['host:list', 'host:revoke']
  token = (await server.root('default').call('createToken', { body: { name: 'h', actions, ttl_seconds: 600 } })).token
  host = await joinHost(server, 'default', 'web-1.example')
})
after(async () => {
  await host[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
  rmSync(dir, { recursive: true })
})

async function hostCommand(...args: string[]) {
  const io = testIo({ env: { SEALWATCH_TOKEN: token } })
  const code = await run(['host', ...args, '--server', server.url], io)
  return { code, out: io.said(), err: io.complained() }
}
const json = async (...args: string[]) => JSON.parse((await hostCommand(...args, '--json')).out)

const gap = (message: string) => ({
  class_uid: 1008,
  severity: 'High',
  message,
  metadata: { event_code: 'gap' },
  unmapped: {
    gap: { cause: 'sensor_died', from: '2026-01-01T00:00:00.000000000Z', to: '2026-01-01T00:00:01.000000000Z' },
  },
})

test('a host is listed and shown, by its id, the beginning of that, or its name', async () => {
  const listed = await hostCommand('list')
  assert.match(
    listed.out,
    new RegExp(`^${host.hostId.slice(0, 12)} +web-1\\.example +alive +- +- +0\\.1\\.0 +\\S+ \\S+ UTC `, 'm'),
  )
  const [item] = (await json('list')).items
  assert.deepEqual([item.host_id, item.presence.life, item.presence.waiting], [host.hostId, 'alive', null])
  for (const typed of [host.hostId, host.hostId.slice(0, 8), 'web-1.example'])
    assert.equal((await json('show', typed)).host_id, host.hostId)
  const shown = await hostCommand('show', 'web-1.example')
  assert.match(shown.out, /^web-1\.example [0-9a-f]{32}\n.*State +alive since .*Certificate +[0-9a-f]+ until /s)
})

test('what is no host says what was probably meant, and what comes next', async () => {
  const unknown = await hostCommand('show', 'web-2.example')
  assert.equal(unknown.code, 1)
  assert.match(unknown.err, /CLI_NOT_FOUND.*Did you mean 'web-1\.example'\?.*sealwatch host list/s)
  assert.match((await hostCommand('show', '0'.repeat(32))).err, /OBJECT_UNKNOWN/)
  assert.match((await hostCommand('revoke', 'web-1.example')).err, /CLI_WHY.*--cause/s)
})

test('its records are shown, and a diagnosis of it holds neither its name nor a secret', async () => {
  host.see(gap('web-1.example: unknown interval; password=hunter2-hunter2'))
  const recorded = async () => (await json('show', host.hostId)).records[0]
  const record = await eventually('the gap', recorded)
  assert.deepEqual([record.code, record.severity, record.ledger.tenant], ['gap', 'High', 'default'])
  assert.match((await hostCommand('show', host.hostId)).out, /High +gap +default:\d+ +web-1\.example: unknown interval/)

  const file = join(dir, 'web-1.json')
  assert.match((await hostCommand('diag', 'web-1.example', '-o', file)).out, /^Wrote /)
  const diagnosis = readFileSync(file, 'utf8')
  assert.doesNotMatch(diagnosis, /web-1\.example|hunter2/)
  const { form, host: told, records } = JSON.parse(diagnosis)
  assert.equal(form, 'sealwatch.dev/host-diagnosis/v1')
  assert.deepEqual([told.host_id, told.hostname, told.certificate.serial], [host.hostId, '[redacted]', '[redacted]'])
  assert.match(records[0].message, /^\[redacted\]: unknown interval; password=\[redacted\]$/)
  assert.match((await hostCommand('diag', 'web-1.example', '-o', file)).err, /CLI_FILE.*another name/s)
})

test('a host of another tenant is none', async () => {
  await server.root('cluster').call('createTenant', { body: { name: 'other' } })
  const theirs = await server
    .root('other')
    .call('createToken', { body: { name: 'h', actions: ['host:list'], ttl_seconds: 600 } })
  const io = testIo({ env: { SEALWATCH_TOKEN: theirs.token } })
  for (const words of [
    ['show', host.hostId],
    ['show', 'web-1.example'],
    ['diag', host.hostId],
  ])
    assert.equal(await run(['host', ...words, '--server', server.url], io), 1)
  assert.doesNotMatch(io.said(), /web-1/)
})

test('a host is shown with the name that it had before, and revoked once and for good', async () => {
  const joined = await joinHost(server, 'default', 'before-1', undefined, undefined, 'gone-1')
  try {
    assert.match((await hostCommand('list')).out, /gone-1 \(was before-1\)/)
    assert.match((await hostCommand('show', 'gone-1')).out, /Renamed +20\S+ \S+ UTC, from before-1\n/)
    assert.doesNotMatch((await hostCommand('diag', 'gone-1')).out, /gone-1|before-1/)
    assert.match(
      (await hostCommand('revoke', 'gone-1', '--cause', 'taken out')).out,
      /^gone-1 \([0-9a-f]{32}\) is revoked\.\n$/,
    )
    assert.doesNotMatch((await hostCommand('list')).out, /gone-1/)
    assert.match((await hostCommand('list', '--all')).out, /gone-1 \(was before-1\) +revoked/)
  } finally {
    await joined[Symbol.asyncDispose]()
  }
})
