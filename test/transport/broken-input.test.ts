// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import { type TestContext, test } from 'node:test'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import fc from 'fast-check'
import { chainOf, enrolled, prepareAgent, type Server, sealSome, startServer, startShipping } from './fixture.ts'
import { envelope, rawMember } from './raw-member.ts'

/** Ships by the real agent while something else goes wrong. */
async function bystander(t: TestContext, server: Server) {
  const agent = await prepareAgent(t, server)
  const own = await chainOf(t, agent)
  startShipping(t, agent, await enrolled(server, agent), [own])
  return async () => server.ingest.until(own.id, await sealSome(own, 2))
}

test('garbage on the port is counted and disturbs nobody', async (t) => {
  const server = await startServer(t)
  const isUndisturbed = await bystander(t, server)
  for (const garbage of ['GET / HTTP/1.1\r\n\r\n', '\u0016\u0003\u0001\u0000\u0005hello', '\0'.repeat(100)]) {
    const socket = connectTcp(server.port, '127.0.0.1')
    socket
      .on('error', () => undefined)
      .resume()
      .end(garbage)
    await once(socket, 'close')
  }
  const socket = connectTls({ port: server.port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['h2'] })
  socket.on('error', () => undefined).resume()
  await once(socket, 'secureConnect')
  socket.write('this is not HTTP/2 at all, not even nearly')
  await once(socket, 'close')
  assert(server.transport.counters.broken >= 4)
  assert.equal(server.transport.counters.refused, 0)
  await isUndisturbed()
})

test('ING one address takes no more connections than it may; those that live go on', async (t) => {
  const perAddress = 6
  const server = await startServer(t, { connectionsPerAddress: perAddress })
  const isUndisturbed = await bystander(t, server)
  await isUndisturbed()
  const held: TLSSocket[] = []
  for (let i = 0; i <= perAddress; i += 1) {
    const to = { port: server.port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['h2'] }
    const socket = connectTls(to).on('error', () => undefined)
    const isOpen = new Promise((resolve) => {
      socket.once('secureConnect', () => resolve(true)).once('close', () => resolve(false))
    })
    if ((await isOpen) === true) held.push(socket)
  }
  assert.ok(held.length > 0 && held.length < perAddress, `${held.length} beside those of an agent`)
  assert.equal(server.transport.connections.refused, perAddress + 1 - held.length)
  await isUndisturbed()
  for (const socket of held) socket.destroy()
})

test('broken and oversized messages end their stream with an error that says why', async (t) => {
  const server = await startServer(t)
  const isUndisturbed = await bystander(t, server)
  const { call } = await rawMember(t, server)
  const ship = (body: Uint8Array) => call('Ship', 'application/connect+proto', body)
  const cases: readonly [Uint8Array, RegExp][] = [
    [envelope(Buffer.from('\u000a\u00ff\u00ff\u00ff')), /invalid_argument.*MESSAGE_MALFORMED/],
    [envelope(Buffer.alloc(10), 1000), /invalid_argument.*MESSAGE_MALFORMED/],
    [envelope(Buffer.alloc(0), 0xffff_ffff), /resource_exhausted.*MESSAGE_TOO_LARGE/],
    [envelope(Buffer.alloc(0)), /failed_precondition.*NOT_REGISTERED/],
  ]
  for (const [n, [body, expected]] of cases.entries()) {
    assert.match((await ship(body)).text, expected)
    assert.equal(server.transport.counters.refused, n + 1)
  }
  const register = await call('Register', 'application/proto', Buffer.alloc(65 * 1024))
  assert.match(register.text, /resource_exhausted/)
  assert.equal((await call('Nothing', 'application/proto', '')).status, 404)
  assert.equal((await call('Ship', 'text/html', '')).status, 415)
  await isUndisturbed()
})

test('no bytes on a stream do harm', async (t) => {
  const server = await startServer(t)
  const isUndisturbed = await bystander(t, server)
  const { call } = await rawMember(t, server)
  const bytes = fc.uint8Array({ maxLength: 200 })
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.oneof(
          bytes,
          bytes.map((inner) => envelope(inner)),
        ),
        { maxLength: 4 },
      ),
      async (parts) => {
        assert.equal((await call('Ship', 'application/connect+proto', Buffer.concat(parts))).status, 200)
      },
    ),
    { numRuns: 60 },
  )
  assert.equal(server.transport.streams, 1)
  await isUndisturbed()
})
