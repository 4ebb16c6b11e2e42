// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { createLog, systemClock } from '@sealwatch/base'
import { openHttpDoor } from './listen.ts'
import { serveUpgrades, takeUpgrade } from './upgrades.ts'

async function doorOf(handle: RequestListener, stillMs: number) {
  const log = createLog('test', () => assert.fail('nothing is to be said'), systemClock.nowMs)
  const credentials = () => assert.fail('none are needed')
  const place = { address: '127.0.0.1', port: 0, handle, credentials, clock: systemClock, log }
  const door = await openHttpDoor({ ...place, bounds: { stillMs } })
  serveUpgrades(door.server, handle)
  return { ...door, [Symbol.asyncDispose]: door.close }
}

const asking = 'GET / HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n'

/** Asks for another protocol and never closes; resolves with the server's side of it. */
async function strangerAt({ server, url }: Awaited<ReturnType<typeof doorOf>>, text = asking) {
  const connected = once(server, 'connection')
  const own = connect({ port: Number(new URL(url).port), host: '127.0.0.1', allowHalfOpen: true })
  own.on('error', () => undefined)
  own.write(text)
  const [served] = (await connected) as [Socket]
  return { own, served, left: once(served, 'close') }
}

test('whoever is refused another protocol is left, also where they keep their side open', async () => {
  await using door = await doorOf((_request, response) => void response.writeHead(401).end('no'), 60_000)
  const { own, left } = await strangerAt(door)
  let heard = ''
  own.on('data', (chunk) => {
    heard += chunk
  })
  await left
  await once(own, 'end')
  assert.match(heard, /^HTTP\/1\.1 401 .*no/s)
  own.destroy()
})

test('whoever asks for another protocol and does not read the answer is left', async () => {
  // More than the kernel takes on the way.
  const answer = Buffer.alloc(64 * 1024 * 1024)
  await using door = await doorOf((_request, response) => void response.end(answer), 50)
  const { own, left } = await strangerAt(door)
  own.pause()
  await left
  own.destroy()
})

test('API-2 whoever asks for another protocol before they were answered is left, and nobody else', async () => {
  await using door = await doorOf(({ url }, response) => {
    if (url === '/other') response.end('served')
  }, 60_000)
  for (const before of ['GET /slow', 'POST /slow']) {
    const { own, left } = await strangerAt(door, `${before} HTTP/1.1\r\nhost: localhost\r\n\r\n${asking}`)
    await left
    own.destroy()
  }
  assert.equal(await (await fetch(`${door.url}/other`)).text(), 'served')
})

test('the door closes though somebody speaks another protocol, or waits for that', async () => {
  const asked = Promise.withResolvers<void>()
  const door = await doorOf((request) => {
    if (request.url === '/') takeUpgrade(request)
    asked.resolve()
  }, 60_000)
  const { own } = await strangerAt(door)
  await asked.promise
  await door.close()
  own.destroy()
})
