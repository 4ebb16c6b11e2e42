// SPDX-License-Identifier: Apache-2.0
// POL-1: who stands behind a proxy is told apart by what trusted proxies say, and by nothing else.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { readConfig } from '@sealwatch/base'
import { serverSettings } from '../../apps/server/src/config.ts'
import { startServer, type TestServer } from './server.ts'

const guess = `swt_${'A'.repeat(43)}00000000`
const host = 'seal.example'
const ask = (server: TestServer, forwarded: string, more: Record<string, string> = {}) =>
  server.send({ method: 'GET', path: '/api/v1/roles', headers: { 'x-forwarded-for': forwarded, ...more } })

/** The addresses that the cluster's ledger names for tokens that are nobody's. */
async function guessedFrom(server: TestServer): Promise<string[]> {
  // What is recorded after them says that they are recorded.
  await server.root('cluster').call('putRole', { params: { name: 'after' }, body: { actions: ['role:list'] } })
  const files = await readdir(join(server.dir, 'ledgers'), { recursive: true, withFileTypes: true })
  return files
    .filter((file) => file.isFile() && file.parentPath.endsWith(join('cluster', 'lines')))
    .flatMap(({ parentPath, name }) => readFileSync(join(parentPath, name), 'utf8').split('\n'))
    .filter((line) => line.includes('"status_code":"API_TOKEN_UNKNOWN"'))
    .map((line) => /"ip":"([^"]+)"/.exec(line)?.[1] ?? line)
}

test('whom a trusted proxy speaks for is who is counted and named, whatever came with the request', async () => {
  await using server = await startServer({
    SEALWATCH_SERVER_TRUSTED_PROXIES: '127.0.0.1',
    SEALWATCH_SERVER_PUBLIC_ORIGIN: `https://${host}`,
    SEALWATCH_SERVER_API_PER_ADDRESS: '1',
  })
  const from = async (forwarded: string) => (await ask(server, forwarded, { host })).status
  assert.deepEqual([await from('192.0.2.1'), await from('192.0.2.1')], [401, 401])
  assert.equal(await from('192.0.2.1'), 429, 'a second has two turns at once')
  assert.equal(await from('203.0.113.99, 192.0.2.1'), 429, 'another name in front of it is no other address')
  assert.equal(await from('203.0.113.99, 192.0.2.1, 127.0.0.1'), 429)
  assert.equal(await from('192.0.2.2'), 401, 'others have their own turns')

  await ask(server, '10.9.9.9, 198.51.100.4', { host, authorization: `Bearer ${guess}` })
  assert.deepEqual(await guessedFrom(server), ['198.51.100.4'])

  const secure = await ask(server, '192.0.2.3', { host, 'x-forwarded-proto': 'https' })
  assert.deepEqual([secure.status, secure.headers['strict-transport-security']], [401, 'max-age=31536000'])
  const open = await ask(server, '192.0.2.4', { host, 'x-forwarded-proto': 'http' })
  assert.deepEqual([open.status, JSON.parse(open.text).title], [403, 'Request blocked for security reasons'])
  assert.equal(open.headers['strict-transport-security'], undefined)
})

test('of whoever is not named as a proxy nothing is believed', async () => {
  await using server = await startServer({
    SEALWATCH_SERVER_TRUSTED_PROXIES: '127.0.0.2,10.0.0.0/8',
    SEALWATCH_SERVER_API_PER_ADDRESS: '1',
  })
  const told = { authorization: `Bearer ${guess}`, 'x-forwarded-proto': 'https' }
  const first = await ask(server, '192.0.2.1', told)
  assert.deepEqual([first.status, first.headers['strict-transport-security']], [401, undefined])
  assert.equal((await ask(server, '192.0.2.2', told)).status, 401)
  assert.equal((await ask(server, '192.0.2.3', told)).status, 429, 'one address, whatever it calls itself')
  assert.deepEqual(await guessedFrom(server), ['127.0.0.1'])
})

test('a list that would take in everybody, or is none, starts no server', () => {
  for (const list of ['0.0.0.0/0', '::/0', 'everybody', '10.0.0.1;10.0.0.2']) {
    const env = {
      SEALWATCH_SERVER_DATA_DIR: '/x',
      SEALWATCH_SERVER_RUN_DIR: '/x',
      SEALWATCH_SERVER_TRUSTED_PROXIES: list,
    }
    assert.throws(() => readConfig(serverSettings, env), {
      code: 'CONFIG_INVALID',
      message: /SEALWATCH_SERVER_TRUSTED_PROXIES must be at most 64 addresses/,
    })
  }
})
