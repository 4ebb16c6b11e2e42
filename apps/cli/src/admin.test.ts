// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { testIo } from '../test/test-io.ts'
import { run } from './cli.ts'
import { fileOf, type Place, placeOf } from './place.ts'

const head = 'HTTP/1.1 200 OK\r\nContent-Type: application/connect+proto\r\nContent-Length: 100\r\n\r\n'

describe('a server that dies while it is asked', () => {
  let dir: string
  let place: Place
  let serve: (socket: Socket) => void
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    serve(socket)
  })

  before(async () => {
    dir = mkdtempSync(join(tmpdir(), 'sealwatch-admin-'))
    place = placeOf(join(dir, 'data'))
    mkdirSync(dirname(fileOf.apiSocket(place)), { recursive: true })
    server.listen(fileOf.apiSocket(place))
    await once(server, 'listening')
  })
  after(async () => {
    server.close()
    rmSync(dir, { recursive: true })
    rmSync(place.run, { recursive: true })
  })

  const deaths: [when: string, serve: (socket: Socket) => void][] = [
    ['at once', (socket) => socket.destroy()],
    ['having heard', (socket) => socket.once('data', () => socket.destroy())],
    ['in its head', (socket) => socket.once('data', () => socket.end(head.slice(0, 30)))],
    ['in its answer', (socket) => socket.once('data', () => socket.end(`${head}\0\0\0`))],
    ['in another tongue', (socket) => socket.once('data', () => socket.end('hello\r\n'))],
  ]
  for (const [when, death] of deaths) {
    test(`${when}: each command says so in its usual form`, async () => {
      serve = death
      const output = join(dir, 'x.bundle')
      for (const args of [['alerts'], ['events'], ['host', 'invite'], ['audit', 'export', '--all', '-o', output]]) {
        const io = testIo()
        assert.equal(await run([...args, '--data', place.data], io), 3)
        assert.match(io.complained(), /^sealwatch: .+\(CLI_SERVER_FAILED\)\n {2}.+\n {2}.+\n$/, args.join(' '))
      }
    })
  }

  test('it is not asked for a bundle that cannot be written', async () => {
    let asked = 0
    serve = (socket) => {
      asked += 1
      socket.destroy()
    }
    const io = testIo()
    await run(['audit', 'export', '--all', '-o', join(dir, 'none/x.bundle'), '--data', place.data], io)
    assert.match(io.complained(), /CLI_FILE/)
    await run(['alerts', '--data', place.data], io)
    assert.equal(asked, 1, 'by the listing alone')
  })
})
