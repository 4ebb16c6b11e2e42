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

const noRows = { unknown_key: 0, invalid_signature: 0, key_revoked: 0, key_not_yet_valid: 0, key_expired: 0 }

test('OPS-2: what waits is added up by reason, key and producer', async (t) => {
  const asked: string[] = []
  const data = await socketOf(t, ({ path }) => {
    asked.push(path)
    if (path.endsWith('/waiting'))
      return { items: 3, rows: { ...noRows, unknown_key: 300, key_revoked: 9 }, releases: 0 }
    const isRevoked = path.includes('reason=key_revoked')
    const rows = isRevoked ? { ...noRows, key_revoked: 9 } : { ...noRows, unknown_key: 300 }
    const items = isRevoked ? 1 : 2
    const group = (name: string | null) => ({
      groups: [{ name, items, rows }],
      others: { names: 0, items: 0, rows: noRows },
    })
    const times = isRevoked ? ['2026-11-22T08:10:00Z'] : ['2026-11-22T08:00:00Z', '2026-11-22T08:05:00Z']
    return {
      items,
      rows,
      bucket_seconds: 60,
      buckets: times.map((at) => ({ at, rows })),
      producers: group('service:billing'),
      keys: group(isRevoked ? null : 'billing-2'),
    }
  })
  const io = testIo({ clock: { ...clock, nowMs: () => Date.parse('2026-11-22T09:00:00Z') } })
  assert.equal(await run(['quarantine', 'status', '--since', '1h', '--data', data], io), 0, io.complained())
  assert.equal(
    io.said(),
    `REASON       ITEMS  ROWS  FIRST                    LAST
unknown_key  2      300   2026-11-22 08:00:00 UTC  2026-11-22 08:05:00 UTC
key_revoked  1      9     2026-11-22 08:10:00 UTC  2026-11-22 08:10:00 UTC

REASON       KEY           ITEMS  ROWS
unknown_key  billing-2     2      300
key_revoked  (names none)  1      9

REASON       PRODUCER         ITEMS  ROWS
unknown_key  service:billing  2      300
key_revoked  service:billing  1      9

3 items, 309 rows; times are to within 60 s.
`,
  )
  assert.match(asked[1] ?? '', /since=2026-11-22T08%3A00%3A00.000Z/)
})

test('the list names keys, ends with the total, and stops where it is told to', async (t) => {
  const item = (leaf_index: number) => ({
    leaf_index,
    reason: 'unknown_key',
    first_seq: 0,
    next_seq: 5,
    producer: 'service:billing',
    key_id: 'billing-2',
    quarantined_at: '2026-11-22T08:00:00.000000000Z',
    state: 'waiting',
  })
  const data = await socketOf(t, () => ({ items: [item(1), item(2), item(3)], next: null }))
  const whole = testIo()
  assert.equal(await run(['quarantine', 'list', '--data', data], whole), 0, whole.complained())
  assert.match(
    whole.said(),
    /^LEAF +REASON +ROWS +PRODUCER +KEY +SINCE +STATE\n1 +unknown_key +5 +service:billing +billing-2 /,
  )
  assert.match(whole.said(), /\n3 items, 15 rows\n$/)
  const cut = testIo()
  assert.equal(await run(['quarantine', 'list', '--limit', '2', '--data', data], cut), 0)
  assert.match(cut.said(), /\n2 +unknown_key.*\n2 items, 10 rows; there are more, all together: quarantine status\n$/)
})

test('bytes are written once, and what was written is said', async (t) => {
  const item = { leaf_index: 7, reason: 'unknown_key', first_seq: 0, next_seq: 5 }
  const data = await socketOf(t, ({ path }) =>
    path.endsWith('/bytes') ? { bytes: 'e30=', encoding: null, peer: null } : { item, release: null },
  )
  const file = join(data, 'evidence')
  const show = async () => {
    const io = testIo()
    return [
      await run(['quarantine', 'show', '7', '--bytes', file, '--data', data], io),
      io.said() + io.complained(),
    ] as const
  }
  assert.deepEqual(await show(), [0, `Wrote ${file}: the exact bytes of the item at leaf 7.\n`])
  const [code, said] = await show()
  assert.equal(code, 3)
  assert.match(said, /^sealwatch: writing \/.* failed \(CLI_FILE\)\n.*EEXIST.*\n {2}It exists already/)
})
