// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { systemClock } from '@sealwatch/base'
import { testIo } from '../../test/test-io.ts'
import { run } from '../cli.ts'
import { fileOf, placeOf } from '../place.ts'

type Asked = { readonly path: string; readonly body: Record<string, unknown>; readonly response: ServerResponse }

/** A control socket whose answers a test gives; undefined: it has seen to it itself. */
async function socketOf(t: TestContext, answer: (asked: Asked) => object | undefined) {
  const data = mkdtempSync(join(tmpdir(), 'sealwatch-quarantine-'))
  const place = placeOf(data)
  mkdirSync(dirname(fileOf.apiSocket(place)), { recursive: true })
  const server = createServer(async (request: IncomingMessage, response) => {
    const pieces = await Array.fromAsync(request as AsyncIterable<Buffer>)
    const body = pieces.length === 0 ? {} : JSON.parse(Buffer.concat(pieces).toString())
    const told = answer({ path: request.url ?? '', body, response })
    if (told === undefined) return
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(told))
  })
  server.listen(fileOf.apiSocket(place))
  await once(server, 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections()
    for (const path of [data, place.run]) rmSync(path, { recursive: true, force: true })
  })
  return data
}

const clock = { ...systemClock, sleep: async () => undefined }
const outcome = (leaf: number) => ({ leaf_index: leaf, outcome: 'admitted', reason: null, detail: '', lines: 2 })
const counts = (waiting: number, admitted: number) => ({
  items: [
    { reason: 'unknown_key', state: 'waiting', items: waiting, rows: 2 * waiting },
    { reason: 'unknown_key', state: 'admitted', items: admitted, rows: 2 * admitted },
  ],
})

test('OPS-2: a replay outlives a server that is killed, goes on, and counts what came in unheard', async (t) => {
  const cursors: unknown[] = []
  let isLater = false
  const data = await socketOf(t, ({ path, body, response }) => {
    if (path.endsWith('/counts')) {
      const told = isLater ? counts(0, 14) : counts(4, 10)
      isLater = true
      return told
    }
    cursors.push(body.cursor)
    if (cursors.length === 1) return { items: [outcome(1), outcome(2)], next: '2' }
    if (cursors.length > 2) return { items: [outcome(4)], next: null }
    response.destroy()
    return undefined
  })
  const io = testIo({ clock, errTty: true })
  assert.equal(await run(['quarantine', 'replay', '--yes', '--data', data], io), 0, io.complained())
  assert.deepEqual(cursors, [undefined, 2, 2])
  assert.match(io.complained(), /does not answer: waiting for it/)
  assert.match(io.said(), /^3 items \(6 lines\) admitted; 0 \(0 lines\) stay\.\n1 item more came in just as/)
})

test('OPS-2: a replay whose server stays away says what stays, and how to go on', async (t) => {
  let nowMs = 0
  const passing = {
    ...clock,
    nowMs: () => {
      nowMs += 10_000
      return nowMs
    },
  }
  const data = await socketOf(t, ({ path, body, response }) => {
    if (path.endsWith('/counts')) return counts(4, 0)
    if (body.cursor === undefined) return { items: [outcome(1), outcome(2)], next: '2' }
    response.destroy()
    return undefined
  })
  const io = testIo({ clock: passing, errTty: true })
  assert.equal(await run(['quarantine', 'replay', '--yes', '--data', data], io), 3)
  assert.match(
    io.complained(),
    /CLI_SERVER_FAILED.*\n.*found "ECONNRESET"\n {2}2 items or more are admitted, and stay so; run/,
  )
})

test('a replay that somebody ends says what stays; nothing is called a failure of the server', async (t) => {
  const stop = new AbortController()
  const data = await socketOf(t, ({ path, body }) => {
    if (path.endsWith('/counts')) return counts(4, 0)
    if (body.cursor === undefined) return { items: [outcome(1)], next: '1' }
    stop.abort()
    return undefined
  })
  const io = testIo({ clock, errTty: true, stop: stop.signal })
  assert.equal(await run(['quarantine', 'replay', '--yes', '--data', data], io), 3)
  assert.match(io.complained(), /replaying the quarantine failed \(CLI_INTERRUPTED\)/)
  assert.match(io.complained(), /1 item or more are admitted, and stay so; run it again for the rest/)
  const dry = testIo({ clock, errTty: true, stop: AbortSignal.abort() })
  assert.equal(await run(['quarantine', 'replay', '--data', data], dry), 3)
  assert.match(dry.complained(), /CLI_INTERRUPTED.*\n.*\n {2}Nothing was admitted/)
})
