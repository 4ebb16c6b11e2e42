// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import { systemClock } from '@sealwatch/base'
import { readOptions, usage } from './options.ts'
import { runService, type Service } from './service.ts'

function room(t: TestContext) {
  const dir = mkdtempSync(join(tmpdir(), 'sealwatch-service-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const { privateKey } = generateKeyPairSync('ed25519')
  for (const id of ['one', 'two'])
    writeFileSync(join(dir, `${id}.pem`), privateKey.export({ format: 'pem', type: 'pkcs8' }))
  writeFileSync(join(dir, 'token'), 'secret')
  symlinkSync('one.pem', join(dir, 'current.pem'))
  const at = { key: join(dir, 'current.pem'), token: join(dir, 'token'), database: join(dir, 'service.sqlite') }
  return { dir, at }
}

test('OPS-2 the service counts what became of its rows over all its keys', async (t) => {
  const { dir, at } = room(t)
  const taken = { one: 0, two: 0 }
  const server = createServer(async (request, response) => {
    const pieces = await Array.fromAsync(request as AsyncIterable<Buffer>)
    const { submissions } = JSON.parse(Buffer.concat(pieces).toString()) as {
      submissions: { key_id: 'one' | 'two'; payload: string }[]
    }
    const outcomes = submissions.map(({ key_id, payload }) => {
      taken[key_id] += Buffer.from(payload, 'base64').toString().trimEnd().split('\n').length
      return key_id === 'one'
        ? { outcome: 'admitted', leaf_index: 1 }
        : { outcome: 'quarantined', reason: 'unknown_key', item: 'a'.repeat(64) }
    })
    response.end(JSON.stringify({ outcomes }))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const closing = new AbortController()
  let last: Parameters<Service['onMetrics']>[0] | undefined
  const service: Service = {
    ...at,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    rowsPerSecond: 500,
    onMetrics: (metrics) => {
      last = metrics
    },
    onError: (error) => assert.fail(String(error)),
    clock: {
      ...systemClock,
      sleep: async (ms, signal) => {
        if (taken.one > 0 && last?.keyId !== 'two') {
          symlinkSync('two.pem', join(dir, 'next.pem'))
          renameSync(join(dir, 'next.pem'), at.key)
        }
        if (taken.two > 0) closing.abort()
        await systemClock.sleep(Math.min(ms, 20), signal)
      },
    },
  }
  await runService(service, closing.signal, new AbortController().signal)
  assert.ok(last !== undefined && taken.one > 0 && taken.two > 0)
  assert.deepEqual(last.sent, { admitted: taken.one, duplicate: 0, quarantined: taken.two, parked: 0 })
  assert.deepEqual([last.written, last.rows], [taken.one + taken.two, 0])
})

test('OPS-2 what the business cannot write is told once, and not fifty times a second', async (t) => {
  const { at } = room(t)
  const database = new DatabaseSync(at.database)
  database.exec(`CREATE TABLE business (last INTEGER NOT NULL);
    CREATE TRIGGER full BEFORE UPDATE ON business BEGIN SELECT RAISE(ABORT, 'full'); END`)
  const stop = new AbortController()
  const errors: string[] = []
  let turns = 0
  const sleep = async (ms: number, signal?: AbortSignal) => {
    turns += 1
    if (turns > 50) stop.abort()
    await systemClock.sleep(Math.min(ms, 1), signal)
  }
  await runService(
    {
      ...at,
      ...{ url: 'http://127.0.0.1:1', rowsPerSecond: 1000, clock: { ...systemClock, sleep } },
      onMetrics: () => undefined,
      onError: (error) => errors.push(String(error)),
    },
    stop.signal,
    stop.signal,
  )
  assert.deepEqual(errors, ['Error: full'])
})

test('what is wrong with an option is said in a line that names it, before the usage', (t) => {
  const { at } = room(t)
  const given = (args: Readonly<Record<string, string>>) =>
    readOptions(Object.entries(args).flatMap(([name, value]) => [`--${name}`, value]))
  const [url, { token, key }] = ['http://localhost:1', at]
  assert.throws(() => given({ token, key }), { message: '--url is missing' })
  assert.throws(() => given({ url, key }), { message: '--token is missing' })
  assert.throws(() => given({ url, token: 'nofile', key }), { message: '--token nofile cannot be read: ENOENT' })
  assert.throws(() => given({ url, token, key: 'nokey' }), { message: '--key nokey cannot be read: ENOENT' })
  const rate = { message: '--rate 0 is no number of rows from 1 to 999999' }
  assert.throws(() => given({ url, token, key, rate: '0' }), rate)
  assert.deepEqual(given({ url, ...at, rate: '7' }), { url, ...at, rowsPerSecond: 7 })
  const main = [join(import.meta.dirname, 'main.ts'), '--speed', '7']
  const { status, stderr } = spawnSync(process.execPath, main, { encoding: 'utf8' })
  assert.deepEqual([status, stderr], [2, `Unknown option '--speed'\n\n${usage}`])
})
