// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createSecureServer, type ServerHttp2Stream } from 'node:http2'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { connectAgent } from './client.ts'

const pingMs = { interval: 50, timeout: 100, registering: 30_000 }

/** A server that answers nobody by itself, and a road to it on which all packets can be lost. */
async function lossyRoad(t: TestContext) {
  const dir = mkdtempSync(join(tmpdir(), 'sealwatch-client-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const file = (name: string) => join(dir, name)
  const certify = (name: string, ...more: string[]) => {
    const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-noenc', '-keyout', file(`${name}.key`)]
    const out = ['-subj', `/CN=${name}`, '-out', file(`${name}.pem`), ...more]
    execFileSync('openssl', ['req', '-x509', ...newKey, ...out], { stdio: 'ignore' })
    return readFileSync(file(`${name}.pem`), 'utf8')
  }
  const authority = certify('authority')
  const plain = ['-addext', 'subjectAltName=IP:127.0.0.1', '-addext', 'basicConstraints=critical,CA:FALSE']
  const own = certify('server', '-CA', file('authority.pem'), '-CAkey', file('authority.key'), ...plain)
  const server = createSecureServer({ cert: own + authority, key: readFileSync(file('server.key')) })
  // Of those who give up.
  server.on('stream', (stream) => stream.on('error', () => undefined))
  const asked = (path: string) =>
    new Promise<ServerHttp2Stream>((resolve) => {
      server.on('stream', (stream, headers) => {
        if (headers[':path']?.endsWith(path)) resolve(stream as ServerHttp2Stream)
      })
    })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const toServer = { host: '127.0.0.1', port: (server.address() as AddressInfo).port }
  const ends: Socket[] = []
  const road = createServer((from) => {
    const to = connect(toServer)
    from.pipe(to).pipe(from)
    for (const end of [from, to]) end.on('error', () => end.destroy())
    ends.push(from, to)
  })
  road.listen(0, '127.0.0.1')
  await once(road, 'listening')
  t.after(() => {
    for (const end of ends) end.destroy()
    road.close()
    server.close()
  })

  const connected = (timeout = pingMs.timeout) => {
    const url = `https://127.0.0.1:${(road.address() as AddressInfo).port}`
    const connection = connectAgent(url, authority, undefined, { ...pingMs, timeout })
    t.after(connection.close)
    return connection
  }
  const close = () => {
    for (const end of ends) end.unpipe().pause()
  }
  const open = () => {
    for (const [i, end] of ends.entries()) end.pipe(ends[i ^ 1] as Socket)
  }
  return { connected, asked, ends, close, open }
}

test('AGT-8 a connection that is given up because nothing comes any more ends its calls, and not the agent', async (t) => {
  const road = await lossyRoad(t)
  const { client, close } = road.connected()
  const call = client.renew({})
  await road.asked('/Renew')
  road.close()
  await assert.rejects(call, /PING timed out/)
  close()
  // The session says it once more when its socket is gone, which whoever was connected hears after that.
  const [end] = road.ends as [Socket]
  await once(end.resume(), 'close')
})

test('AGT-8 who waits to be registered does not give the connection up for a PING, and once he is, he does', async (t) => {
  const road = await lossyRoad(t)
  // Gives up later than the first would.
  const [first, other] = [road.connected(), road.connected(3 * pingMs.timeout)]
  const registering = first.client.register({})
  const stream = await road.asked('/Register')
  const waiting = other.client.renew({})
  await road.asked('/Renew')
  road.close()
  await assert.rejects(waiting, /PING timed out/)
  road.open()
  stream.respond({ ':status': 200, 'content-type': 'application/proto' })
  stream.end()
  assert.deepEqual((await registering).chains, [])
  const renewing = road.asked('/Renew')
  const lost = first.client.renew({}, { timeoutMs: 20_000 })
  await renewing
  road.close()
  await assert.rejects(lost, /PING timed out/)
})
