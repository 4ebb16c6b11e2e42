// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempDisposable, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Clock, systemClock, systemDisk } from '@sealwatch/base'
import { createHealth } from '@sealwatch/base/health'
import { readReputationConfig } from '@sealwatch/detect/reputation'
import { addFeedHealth, openFeeds } from './index.ts'

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined, critical: () => undefined }
const startMs = Date.UTC(2026, 10, 23)
const minute = 60_000

/** Time passes as far as the test says; whoever sleeps for longer waits. Deadlines of requests are none of its sleeps. */
function setClock() {
  let nowMs = startMs
  let sleepers: { readonly untilMs: number; readonly wake: () => void }[] = []
  let asleep = Promise.withResolvers<void>()
  const clock: Clock = {
    ...systemClock,
    nowMs: () => nowMs,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted) return resolve()
        const sleeper = { untilMs: nowMs + ms, wake: resolve }
        sleepers.push(sleeper)
        signal?.addEventListener('abort', () => {
          sleepers = sleepers.filter((each) => each !== sleeper)
          resolve()
        })
        asleep.resolve()
      }),
  }
  return {
    clock,
    /** When whoever follows sleeps, lets that time pass; the sleeps that are left are told in milliseconds. */
    async pass(ms: number): Promise<void> {
      nowMs += ms
      asleep = Promise.withResolvers()
      const due = sleepers.filter(({ untilMs }) => untilMs <= nowMs)
      sleepers = sleepers.filter((each) => !due.includes(each))
      for (const { wake } of due) wake()
    },
    waits: () => sleepers.map(({ untilMs }) => untilMs - nowMs),
  }
}

type Given = { status: number; body: string; etag?: string; modified?: string; retryAfter?: string }

async function serving(given: Given) {
  const asked: IncomingMessage['headers'][] = []
  const answer = ({ headers }: IncomingMessage, response: ServerResponse) => {
    asked.push(headers)
    const same = given.etag !== undefined && headers['if-none-match'] === given.etag
    const since = given.modified !== undefined && headers['if-modified-since'] === given.modified
    if (given.etag !== undefined) response.setHeader('etag', given.etag)
    if (given.modified !== undefined) response.setHeader('last-modified', given.modified)
    if (given.retryAfter !== undefined) response.setHeader('retry-after', given.retryAfter)
    if (same || since) response.writeHead(304).end()
    else response.writeHead(given.status).end(given.body)
  }
  const server = createServer(answer)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const close = async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  return { url: `http://127.0.0.1:${port}/feed`, asked, close, [Symbol.asyncDispose]: close }
}

const configOf = (source: object, more: object = {}) => {
  const feed = {
    name: 'bad',
    format: 'plain',
    source,
    weight: 0.5,
    category: 'scanner',
    ttlSeconds: 7_200,
    refreshSeconds: 3_600,
  }
  return readReputationConfig({ feeds: [{ ...feed, ...more }] }, 'testing')
}

async function following(config: ReturnType<typeof configOf>, dir: string, time = setClock()) {
  const follower = await openFeeds({ config, dir, disk: systemDisk, clock: time.clock, log: quiet })
  const stop = new AbortController()
  const running = follower.run(stop.signal)
  const counts = () => {
    const [{ taken = 0, same = 0, failed = 0 } = {}] = follower.feeds
    return [taken, same, failed]
  }
  /** Until the feed was asked for so often. */
  const asked = async (times: number) => {
    while (counts().reduce((sum, count) => sum + count, 0) < times || time.waits().length === 0)
      await new Promise((resolve) => setImmediate(resolve))
  }
  return {
    follower,
    get feed() {
      return follower.feeds[0]
    },
    time,
    counts,
    asked,
    lookup: (address: string) => follower.reputation.lookup(address, time.clock.nowMs()).map(({ prefix }) => prefix),
    [Symbol.asyncDispose]: async () => {
      stop.abort()
      await running
    },
  }
}

test('DET-1 a feed is asked for by its schedule, and what is still the same is not sent again', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'feeds-'))
  const given: Given = { status: 200, body: '192.0.2.1\n', etag: '"one"' }
  await using server = await serving(given)
  await using follower = await following(configOf({ url: server.url }), folder.path)
  await follower.time.pass(0)
  await follower.asked(1)
  assert.deepEqual(follower.lookup('192.0.2.1'), ['192.0.2.1/32'])
  assert.deepEqual(follower.time.waits(), [3_600_000])

  await follower.time.pass(60 * minute)
  await follower.asked(2)
  assert.equal(server.asked[1]?.['if-none-match'], '"one"')
  assert.equal(follower.feed?.state?.asOfMs, startMs + 60 * minute)

  Object.assign(given, { body: '192.0.2.2\n', etag: undefined, modified: 'Mon, 23 Nov 2026 00:00:00 GMT' })
  await follower.time.pass(60 * minute)
  await follower.asked(3)
  assert.deepEqual([follower.lookup('192.0.2.1'), follower.lookup('192.0.2.2')], [[], ['192.0.2.2/32']])
  await follower.time.pass(60 * minute)
  await follower.asked(4)
  assert.equal(server.asked[3]?.['if-modified-since'], given.modified)
  assert.deepEqual(follower.counts(), [2, 2, 0])
})

test('DET-1 garbage, errors and a server that is gone leave what a feed said, until its end', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'feeds-'))
  const given: Given = { status: 200, body: '192.0.2.1\n' }
  await using server = await serving(given)
  await using follower = await following(configOf({ url: server.url }), folder.path)
  await follower.time.pass(0)
  await follower.asked(1)

  given.body = '<html>\n<p>Back soon\n'
  await follower.time.pass(60 * minute)
  await follower.asked(2)
  assert.match(String(follower.feed?.problem), /FEED_MALFORMED/)
  assert.deepEqual([follower.lookup('192.0.2.1'), follower.time.waits()], [['192.0.2.1/32'], [minute]])

  Object.assign(given, { status: 429, retryAfter: '600' })
  await follower.time.pass(minute)
  await follower.asked(3)
  assert.match(String(follower.feed?.problem), /FEED_UNAVAILABLE.*429/)
  assert.deepEqual(follower.time.waits(), [10 * minute])

  await server.close()
  await follower.time.pass(10 * minute)
  await follower.asked(4)
  assert.match(String(follower.feed?.problem), /ECONNREFUSED/)
  assert.deepEqual([follower.lookup('192.0.2.1'), follower.time.waits()], [['192.0.2.1/32'], [4 * minute]])
  await follower.time.pass(3 * 60 * minute)
  assert.deepEqual(follower.lookup('192.0.2.1'), [])
})

test('DET-1 a restart without the source knows the last good copy, which is the server’s alone and read only if it is whole', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'feeds-'))
  const dir = join(folder.path, 'feeds')
  const given: Given = { status: 200, body: '192.0.2.1\n', etag: '"one"' }
  const server = await serving(given)
  const config = configOf({ url: server.url })
  const time = setClock()
  {
    await using follower = await following(config, dir, time)
    await time.pass(0)
    await follower.asked(1)
  }
  await server.close()
  for (const name of await readdir(dir)) assert.equal((await stat(join(dir, name))).mode & 0o777, 0o600, name)
  assert.equal((await stat(dir)).mode & 0o777, 0o700)

  await time.pass(10 * minute)
  {
    await using follower = await following(config, dir, time)
    assert.deepEqual(follower.lookup('192.0.2.1'), ['192.0.2.1/32'])
    assert.equal(follower.feed?.state?.untilMs, startMs + 7_200_000)
    // What was asked for ten minutes ago waits for its turn.
    assert.deepEqual(time.waits(), [50 * minute])
  }
  {
    await using follower = await following(configOf({ url: `${server.url}-other` }), dir, time)
    assert.deepEqual(follower.lookup('192.0.2.1'), [])
  }
  const path = join(dir, 'bad.feed')
  await writeFile(path, (await readFile(path, 'utf8')).replace('192.0.2.1', '192.0.2.9'))
  await using follower = await following(config, dir, time)
  assert.deepEqual([follower.lookup('192.0.2.1'), follower.lookup('192.0.2.9')], [[], []])
})

test('DET-1 a feed may be a file, and a source may want a secret that is in one', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'feeds-'))
  const file = join(folder.path, 'blocked.txt')
  await writeFile(file, '192.0.2.1\n192.0.2.0/33\n198.51.100.0/24\n203.0.113.7\n')
  await using fromFile = await following(configOf({ file }), join(folder.path, 'a'))
  await fromFile.time.pass(0)
  await fromFile.asked(1)
  assert.deepEqual(fromFile.lookup('198.51.100.9'), ['198.51.100.0/24'])
  assert.equal(fromFile.feed?.state?.told[0]?.place, 2)
  await fromFile.time.pass(60 * minute)
  await fromFile.asked(2)
  assert.deepEqual(fromFile.counts(), [1, 1, 0])

  await using server = await serving({ status: 200, body: '192.0.2.1\n' })
  const key = join(folder.path, 'key')
  const secret = { header: 'Key', file: key }
  await using fromUrl = await following(configOf({ url: server.url, secret }), join(folder.path, 'b'))
  await fromUrl.time.pass(0)
  await fromUrl.asked(1)
  assert.deepEqual([server.asked.length, fromUrl.counts()], [0, [0, 0, 1]])
  await writeFile(key, 'opensesame\n')
  await fromUrl.time.pass(minute)
  await fromUrl.asked(2)
  assert.equal(server.asked[0]?.key, 'opensesame')
})

test('DET-1 only https, or this machine, is asked', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'feeds-'))
  for (const url of ['http://feeds.example/x', 'https://a:b@feeds.example/x'])
    await assert.rejects(following(configOf({ url }), folder.path), { code: 'REPUTATION_CONFIG' }, url)
})

test('OPS-1 health tells what each feed says, as of when, and why it is not renewed', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'feeds-'))
  await using follower = await following(configOf({ file: join(folder.path, 'none') }), join(folder.path, 'a'))
  const { clock } = follower.time
  const health = createHealth({ component: 'server', version: '1', clock, log: quiet as never })
  addFeedHealth(health, follower.follower, clock)
  await follower.time.pass(0)
  await follower.asked(1)
  const told = health.liveness().reputation as { level: string; feeds: { in_force: boolean; problem: string }[] }
  assert.equal(told.level, 'warning')
  assert.match(String(told.feeds[0]?.problem), /no file/)
  await writeFile(join(folder.path, 'none'), '192.0.2.1\n')
  await follower.time.pass(minute)
  await follower.asked(2)
  assert.equal((health.liveness().reputation as { level: string }).level, 'ok')
  const text = health.metrics.text()
  assert.match(text, /sealwatch_reputation_prefixes\{feed="bad"\} 1\n/)
  assert.match(text, /sealwatch_reputation_refreshes_total\{feed="bad",outcome="failed"\} 1\n/)
})
