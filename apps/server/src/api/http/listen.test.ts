// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempDisposable } from 'node:fs/promises'
import type { RequestListener } from 'node:http'
import { connect, type Socket } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { type Clock, createLog, type Proxies, readProxies, systemClock, systemDisk } from '@sealwatch/base'
import { openAuthority } from '../../identity/authority.ts'
import { type DoorBounds, openHttpDoor } from './listen.ts'

const serve: RequestListener = (request, response) => {
  request.resume()
  request.once('end', () => response.end('served'))
}

async function doorOf(bounds: Partial<DoorBounds>, handle = serve) {
  const door = await openHttpDoor({
    address: '127.0.0.1',
    port: 0,
    handle,
    credentials: () => assert.fail('none are needed'),
    clock: systemClock,
    log: createLog('test', () => assert.fail('nothing is to be said'), systemClock.nowMs),
    bounds: { lookMs: 10, ...bounds },
  })
  return { ...door, port: Number(new URL(door.url).port), [Symbol.asyncDispose]: door.close }
}

/** All that comes until the other side ends. */
async function heard(socket: Socket): Promise<string> {
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk
  })
  socket.on('error', () => undefined)
  await once(socket, 'close')
  return text
}

const begun = {
  'headers that never end': 'GET / HTTP/1.1\r\nhost: localhost\r\nx: ',
  'a body that never ends': 'POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\nx',
  'chunks that never end': 'POST / HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n',
  nothing: '',
}

for (const [what, bytes] of Object.entries(begun))
  test(`whoever sends ${what} is answered, and left`, async () => {
    await using door = await doorOf({ headersMs: 50, requestMs: 50 })
    const socket = connect(door.port, '127.0.0.1')
    socket.write(bytes)
    const text = await heard(socket)
    assert.match(text, /^HTTP\/1\.1 408 Request Timeout\r\n/)
    assert.match(text, /\r\ncontent-security-policy: default-src 'none'/)
    assert.match(text, /\r\nconnection: close\r\n/)
  })

test('who does not read the answer is left', async () => {
  // More than the kernel takes on the way.
  await using door = await doorOf({ stillMs: 50 }, (_request, response) => {
    response.write(Buffer.alloc(64 * 1024 * 1024))
  })
  const socket = connect(door.port, '127.0.0.1')
  const [, [left]] = await Promise.all([
    once(socket.on('error', () => undefined).pause(), 'connect').then(() =>
      socket.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n'),
    ),
    once(door.server, 'connection').then(([served]) => once(served as Socket, 'close')),
  ])
  assert.notEqual(left, undefined)
  socket.destroy()
})

test('connections have a number, and those beyond it are closed; the others go on', async () => {
  await using door = await doorOf({ connectionsMax: 8 })
  const sockets = Array.from({ length: 8 }, () => connect(door.port, '127.0.0.1'))
  await Promise.all(sockets.map((socket) => once(socket, 'connect')))
  const dropped = once(door.server, 'drop')
  const beyond = connect(door.port, '127.0.0.1')
  beyond.on('error', () => undefined)
  await Promise.all([dropped, once(beyond, 'close')])
  const [first] = sockets as [Socket]
  first.write('GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n')
  assert.match(await heard(first), /served/)
  for (const socket of sockets) socket.destroy()
})

test('what breaks off within an answer is not answered into it', async () => {
  const begun = Promise.withResolvers<void>()
  await using door = await doorOf({}, (_request, response) => {
    response.writeHead(200, { 'content-length': 100 })
    response.write('x', () => begun.resolve())
  })
  const socket = connect(door.port, '127.0.0.1')
  socket.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n')
  await begun.promise
  socket.write('\0 no request\r\n\r\n')
  assert.equal((await heard(socket)).split('HTTP/1.1').length, 2)
})

test('headers that come a byte at a time are left as those that do not come', async () => {
  await using door = await doorOf({ headersMs: 100, requestMs: 100 })
  const socket = connect(door.port, '127.0.0.1')
  socket.write('GET / HTTP/1.1\r\nhost: localhost\r\nx: ')
  const dripping = setInterval(() => socket.write('a'), 5)
  assert.match(await heard(socket), /^HTTP\/1\.1 408 /)
  clearInterval(dripping)
})

/** A door by TLS, whose clock is set by hand: `passes` lets so much time go by. */
async function tlsDoor(dir: string, options: { bounds?: Partial<DoorBounds>; proxies?: Proxies } = {}) {
  let nowMs = Date.UTC(2026, 10, 21)
  let wake: () => void = () => undefined
  const clock: Clock = {
    ...systemClock,
    nowMs: () => nowMs,
    sleep: (_ms, signal) =>
      new Promise((resolve) => {
        wake = resolve
        signal?.addEventListener('abort', () => resolve(), { once: true })
      }),
  }
  const authority = await openAuthority({ path: join(dir, 'ca.pem'), deployment: 'test', disk: systemDisk, clock })
  let issued = 0
  let fails = false
  const credentials = async () => {
    issued += 1
    if (fails) throw new Error('no memory')
    return authority.issueServer(['localhost'])
  }
  const said: { readonly level: string; readonly again_in_ms: number; readonly error: { readonly advice: string } }[] =
    []
  const log = createLog('test', (line) => said.push(JSON.parse(line)), clock.nowMs)
  const door = await openHttpDoor({ address: '0.0.0.0', port: 0, handle: serve, credentials, clock, log, ...options })
  const port = Number(new URL(door.url).port)
  return {
    port,
    server: door.server,
    issued: () => issued,
    said,
    fails: (value: boolean) => {
      fails = value
    },
    certificate: () => door.certificate,
    passes: (ms: number) => {
      nowMs += ms
      wake()
    },
    [Symbol.asyncDispose]: door.close,
  }
}

async function speak(port: number): Promise<TLSSocket> {
  const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
  socket.on('error', () => undefined)
  await once(socket, 'secureConnect')
  return socket
}
const serial = (socket: TLSSocket) => socket.getPeerX509Certificate()?.serialNumber

test('a certificate is renewed in time: whoever is connected stays so, and whoever comes sees the new one', async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-door-'))
  await using door = await tlsDoor(dir.path)
  const before = await speak(door.port)
  const first = before.getPeerX509Certificate()
  assert.ok(first)
  const lifeMs = Date.parse(first.validTo) - Date.parse(first.validFrom)
  // Not yet due.
  door.passes(lifeMs / 2)
  await new Promise(setImmediate)
  assert.equal(door.issued(), 1)
  door.passes(lifeMs / 3)
  while (serial(await speak(door.port).then((socket) => socket.end())) === first.serialNumber);
  assert.equal(door.issued(), 2)
  before.write('GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n')
  assert.match(await heard(before), /served/)
  const after = await speak(door.port)
  assert.ok(
    after.getProtocol() === 'TLSv1.3' &&
      Date.parse(after.getPeerX509Certificate()?.validTo ?? '') > Date.parse(first.validTo),
  )
  after.destroy()
})

test('a renewal that fails is told, tried again later and later, and meanwhile the old certificate is shown', async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-door-'))
  await using door = await tlsDoor(dir.path)
  const first = await speak(door.port)
  const expiresAtMs = Date.parse(first.getPeerX509Certificate()?.validTo ?? '')
  const lifeMs = expiresAtMs - Date.parse(first.getPeerX509Certificate()?.validFrom ?? '')
  door.fails(true)
  door.passes((lifeMs * 5) / 6)
  const turn = () => new Promise(setImmediate)
  for (let attempt = 1; attempt <= 11; attempt += 1) {
    while (door.said.length < attempt) await turn()
    // Not earlier than it said.
    const waitMs = door.said.at(-1)?.again_in_ms ?? 0
    assert.equal(waitMs, Math.min(2 ** (attempt - 1), 300) * 1_000)
    door.passes(waitMs - 1)
    await turn()
    assert.equal(door.issued(), 1 + attempt)
    const now = await speak(door.port)
    assert.equal(serial(now), serial(first))
    now.destroy()
    assert.equal(door.certificate()?.failure?.reason, 'no memory')
    if (attempt === 11) door.fails(false)
    door.passes(1)
  }
  assert.ok(
    door.said
      .slice(0, 11)
      .every(({ level, error }) => level === 'error' && error.advice.includes('restart the server')),
  )
  while (door.certificate()?.failure !== null) await turn()
  const after = await speak(door.port)
  assert.notEqual(serial(after), serial(first))
  assert.ok((door.certificate()?.expiresAtMs ?? 0) > expiresAtMs)
  for (const socket of [first, after]) socket.destroy()
})

test('an address has a number of connections of its own; this machine and trusted proxies have all there are', async (t) => {
  const outside = Object.values(networkInterfaces())
    .flat()
    .find((place) => place?.family === 'IPv4' && !place.internal)?.address
  if (outside === undefined) return t.skip('this machine has no address but loopback')
  await using dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-door-'))
  const bounds = { connectionsOfAddressMax: 2 }
  {
    await using door = await tlsDoor(dir.path, { bounds })
    const from = async (address: string) => {
      const accepted = once(door.server, 'connection')
      const socket = connect(door.port, address)
      socket.on('error', () => undefined)
      await accepted
      return socket
    }
    const held = [await from(outside), await from(outside)]
    const beyond = connect(door.port, outside)
    beyond.on('error', () => undefined)
    await once(beyond, 'close')
    const own = [await from('127.0.0.1'), await from('127.0.0.1'), await speak(door.port)]
    assert.deepEqual(
      [...held, ...own].map(({ closed }) => closed),
      Array(5).fill(false),
    )
    const count = () => new Promise<number>((resolve) => door.server.getConnections((_error, n) => resolve(n)))
    held[0]?.destroy()
    while ((await count()) > 4) await new Promise(setImmediate)
    const again = await from(outside)
    await speak(door.port).then((socket) => socket.destroy())
    assert.equal(again.closed, false)
    for (const socket of [...held, ...own, again]) socket.destroy()
  }
  await using door = await tlsDoor(dir.path, { bounds, proxies: readProxies(outside) as Proxies })
  const sockets = Array.from({ length: 5 }, () =>
    connectTls({ port: door.port, host: outside, rejectUnauthorized: false }),
  )
  await Promise.all(sockets.map((socket) => once(socket, 'secureConnect')))
  for (const socket of sockets) socket.destroy()
})
