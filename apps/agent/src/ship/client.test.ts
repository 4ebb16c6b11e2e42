// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createSecureServer } from 'node:http2'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { connectAgent } from './client.ts'

test('AGT-8 a connection that is given up because nothing comes any more ends its calls, and not the agent', async (t) => {
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
  const asked = once(server, 'stream')
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const toServer = { host: '127.0.0.1', port: (server.address() as AddressInfo).port }
  // A road on which, from a moment on, all packets are lost.
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

  const url = `https://127.0.0.1:${(road.address() as AddressInfo).port}`
  const { client, close } = connectAgent(url, authority, undefined, {
    interval: 50,
    timeout: 100,
  })
  const call = client.register({})
  await asked
  for (const end of ends) {
    end.unpipe()
    end.pause()
  }
  await assert.rejects(call, /PING timed out/)
  close()
  // The session says it once more when its socket is gone, which whoever was connected hears after that.
  await once(ends[0]?.resume() ?? road, 'close')
})
