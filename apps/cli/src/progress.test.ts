// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { systemClock } from '@sealwatch/base'
import { testIo } from '../test/test-io.ts'
import { run } from './cli.ts'
import { fileOf, placeOf } from './place.ts'
import { progressLine } from './terminal.ts'

/** A clock whose sleepers wake by hand, and what they asked for. */
function handClock() {
  const sleepers: { readonly ms: number; readonly wake: () => void }[] = []
  const sleep = (ms: number) => new Promise<void>((wake) => sleepers.push({ ms, wake }))
  const wake = async () => {
    sleepers.pop()?.wake()
    await new Promise(setImmediate)
  }
  return { clock: { ...systemClock, sleep }, sleepers, wake }
}

test('OPS-2 without a terminal progress is a line every ten seconds, until the end', async () => {
  const { clock, sleepers, wake } = handClock()
  const io = testIo({ clock })
  const progress = progressLine(io)
  progress.show('1 of 3')
  progress.show('2 of 3')
  assert.deepEqual([sleepers.map(({ ms }) => ms), io.complained()], [[10_000], ''])
  await wake()
  await wake()
  assert.equal(io.complained(), 'after 10 s: 2 of 3\nafter 20 s: 2 of 3\n')
  progress.end()
  await wake()
  assert.equal(sleepers.length, 0)
  progress.show('again')
  await wake()
  assert.equal(io.complained(), 'after 10 s: 2 of 3\nafter 20 s: 2 of 3\nafter 10 s: again\n')
})

test('on a terminal it is drawn over, and time says nothing', () => {
  const { clock, sleepers } = handClock()
  const io = testIo({ clock, errTty: true })
  const progress = progressLine(io)
  progress.show('1 of 3')
  progress.end()
  assert.deepEqual([sleepers.length, io.complained()], [0, '\r\x1b[K1 of 3\r\x1b[K'])
})

/** Ten seconds are over as soon as they begin, once. */
function hurried() {
  let slept = false
  const told = Promise.withResolvers<void>()
  const clock = {
    ...systemClock,
    sleep: (ms: number, signal?: AbortSignal) => {
      if (slept || ms !== 10_000) return systemClock.sleep(ms, signal)
      slept = true
      return Promise.resolve()
    },
  }
  const io = testIo({ clock })
  const err = (text: string) => {
    io.err(text)
    if (text.startsWith('after ')) told.resolve()
  }
  return { io: { ...io, err }, told: told.promise }
}

function room(t: TestContext) {
  const data = mkdtempSync(join(tmpdir(), 'sealwatch-progress-'))
  t.after(() => rmSync(data, { recursive: true }))
  return { data, place: placeOf(data) }
}

/** Answers what is asked by `replies`, and all else only when the command has told how it is. */
async function slowServer(t: TestContext, replies: Readonly<Record<string, unknown>>, told: Promise<void>) {
  const { data, place } = room(t)
  t.after(() => rmSync(place.run, { recursive: true, force: true }))
  mkdirSync(dirname(fileOf.apiSocket(place)), { recursive: true })
  const server = createServer(async ({ url = '' }, response) => {
    if (!(url in replies)) await told
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(replies[url] ?? { items: [], next: null }))
  })
  server.listen(fileOf.apiSocket(place))
  await once(server, 'listening')
  t.after(() => server.close())
  return data
}

test('OPS-2 a dry run of a replay tells how it is before the first answer', async (t) => {
  const { io, told } = hurried()
  const counts = { items: [{ state: 'waiting', items: 12 }] }
  const data = await slowServer(t, { '/api/v1/quarantine/counts': counts }, told)
  await run(['quarantine', 'replay', '--data', data], io)
  assert.match(io.complained(), /^after 10 s: \[ +\] 0 of 12 items\n/)
})

test('OPS-2 an export tells how it is before the first line', async (t) => {
  const { io, told } = hurried()
  const data = await slowServer(t, {}, told)
  await run(['audit', 'export', '--all', '-o', join(data, 'x.bundle'), '--data', data], io)
  assert.match(io.complained(), /^after 10 s: exporting/)
})

test('OPS-2 fsck tells how it is before it has read anything', async (t) => {
  const { io } = hurried()
  const { data } = room(t)
  mkdirSync(join(data, 'server/ledgers/root'), { recursive: true })
  writeFileSync(join(data, 'server/ledgers/root/0.ndjson'), 'line')
  mkdirSync(join(data, 'apps/server/src/fsck'), { recursive: true })
  const report = { ok: true, ledgers: [], database: [], quarantine: [], reindexed: [] }
  writeFileSync(join(data, 'apps/server/src/fsck/main.ts'), `console.log('${JSON.stringify({ report })}')\n`)
  assert.equal(await run(['audit', 'fsck', '--data', data], { ...io, root: data }), 0)
  assert.match(io.complained(), /^after 10 s: reading the ledgers \[ +\] 0 MB of 0 MB\n/)
})
