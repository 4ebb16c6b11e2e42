// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { systemClock } from '@sealwatch/base'
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
