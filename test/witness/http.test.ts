// SPDX-License-Identifier: Apache-2.0
// The witness as strangers meet it: C2SP tlog-witness over real sockets.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempDisposable, readFile } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '@sealwatch/base'
import { logIdOf, submissionBytesMax } from '@sealwatch/ledger/witness'
import { createClients } from '../../apps/witness/src/clients.ts'
import { createForkedLog } from '../../packages/ledger/test/forked-log.ts'
import { serveWitness } from './fixture.ts'

const log = createForkedLog('example.com/log', { common: 6, size: 24 })

async function post(url: string, body: string | Buffer, path = '/add-checkpoint') {
  const response = await fetch(`${url}${path}`, { method: 'POST', body })
  return { status: response.status, type: response.headers.get('content-type'), text: await response.text() }
}

test('statuses, types and bodies are those of the specification', async () => {
  await using served = await serveWitness('witness.example/w', [log])
  const { url } = served
  const first = await post(url, log.submission(0, 0, 5))
  assert.deepEqual([first.status, first.type], [200, 'text/plain; charset=utf-8'])
  assert.match(first.text, /^— witness\.example\/w [A-Za-z0-9+/]{102}==\n$/)
  assert.deepEqual(await post(url, log.submission(0, 0, 7)), { status: 409, type: 'text/x.tlog.size', text: '5\n' })
  // Its time may be another second's.
  const again = await post(url, log.submission(1, 5, 5))
  assert.deepEqual(
    [again.status, again.type, again.text.length],
    [200, first.type, first.text.length],
    'before the fork',
  )
  const impostor = createForkedLog(log.origin, { common: 1, size: 9 }, 0x55)
  const stranger = createForkedLog('example.com/other', { common: 1, size: 9 })
  const due: [string | Buffer, number][] = [
    [impostor.submission(0, 5, 7), 403],
    [stranger.submission(0, 0, 7), 404],
    ['old 1\n', 400],
    [log.submission(0, 5, 7).toString().replace('old 5', 'old 8'), 400],
    [log.submission(1, 3, 7).toString().replace('old 3', 'old 5'), 422],
    [log.submission(0, 5, 7), 200],
  ]
  for (const [body, status] of due) assert.equal((await post(url, body)).status, status)
})

test('other paths and methods', async () => {
  await using served = await serveWitness('witness.example/w', [log])
  const { url } = served
  const latest = `/checkpoint/${logIdOf(log.origin)}`
  const status = async (path: string, method = 'GET') => (await fetch(`${url}${path}`, { method })).status
  assert.equal(await status(latest), 404)
  const { text } = await post(url, log.submission(0, 0, 5))
  const shown = await fetch(`${url}${latest}`)
  assert.equal(await shown.text(), log.note(0, 5) + text)
  assert.equal(await status(latest, 'DELETE'), 405)
  assert.equal(await status('/add-checkpoint'), 405)
  assert.equal(await status('/add-checkpoint', 'PUT'), 405)
  for (const path of [
    '/',
    '/checkpoint',
    '/checkpoint/..',
    `${latest}/`,
    '/add-checkpoint?x',
    '/witness.key',
    '/%2e%2e/',
  ])
    assert.equal(await status(path), 404, path)
})

test('too much is not read, whether its size is told before or not', async () => {
  await using served = await serveWitness('witness.example/w', [log])
  const big = Buffer.alloc(submissionBytesMax + 1, 0x61)
  const send = (headers: Record<string, string>, chunks: readonly Buffer[]) =>
    new Promise<number | string>((done) => {
      const request = httpRequest(`${served.url}/add-checkpoint`, { method: 'POST', headers }, (response) => {
        response.resume()
        done(response.statusCode ?? 0)
      })
      request.on('error', (error) => done((error as NodeJS.ErrnoException).code ?? ''))
      for (const chunk of chunks) request.write(chunk)
      request.end()
    })
  assert.equal(await send({ 'content-length': String(10 * 1024 * 1024) }, [Buffer.from('old 0\n')]), 413)
  // The answer or the end of the connection, whichever reaches the client first.
  assert.ok([413, 'EPIPE', 'ECONNRESET'].includes(await send({ 'transfer-encoding': 'chunked' }, [big, big, big])))
  assert.equal((await post(served.url, log.submission(0, 0, 5))).status, 200)
  assert.deepEqual(served.fatal, [])
})

test('who asks too often is told so; connections beyond the limit are closed', async () => {
  const clients = createClients(systemClock, { perSecond: 1, connections: 4 })
  await using served = await serveWitness('witness.example/w', [log], { clients })
  const statuses: number[] = []
  for (let i = 0; i < 6; i += 1) statuses.push((await post(served.url, 'x')).status)
  assert.equal(statuses[0], 400)
  assert.ok(statuses.includes(429))
  const port = Number(new URL(served.url).port)
  const sockets = Array.from({ length: 12 }, () => connect(port, '127.0.0.1').on('error', () => undefined))
  const closed = sockets.map((socket) => new Promise<void>((end) => socket.once('close', () => end())))
  await Promise.any(closed)
  assert.ok(served.listener.counters.connectionsRefused >= 1)
  for (const socket of sockets) socket.destroy()
  await Promise.all(closed)
})

test('bytes without sense neither end it nor fill it', async () => {
  await using served = await serveWitness('witness.example/w', [log])
  const port = Number(new URL(served.url).port)
  const good = log.submission(0, 0, 5)
  const head = `POST /add-checkpoint HTTP/1.1\r\nhost: x\r\ncontent-length: ${good.length}\r\n\r\n`
  const pieces: (Buffer | string)[] = [
    randomBytes(300),
    'GET / HTTP/9.9\r\n\r\n',
    `POST /add-checkpoint HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n`,
    `POST /add-checkpoint HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
    `POST /add-checkpoint HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzzz\r\n`,
    `GET /${'a'.repeat(20_000)} HTTP/1.1\r\n\r\n`,
    `GET / HTTP/1.1\r\n${'x: y\r\n'.repeat(5_000)}\r\n`,
    head,
    Buffer.concat([Buffer.from(head), good.subarray(0, 40)]),
    '\u0016\u0003\u0001',
  ]
  for (let round = 0; round < 5; round += 1) {
    await Promise.all(
      pieces.map(
        (piece) =>
          new Promise<void>((end) => {
            const socket = connect(port, '127.0.0.1', () => socket.end(piece))
            socket.on('error', () => undefined)
            socket.on('close', () => end())
            socket.resume()
          }),
      ),
    )
  }
  for (let i = 0; i < 200; i += 1) {
    const altered = Buffer.from(good)
    for (let k = 0; k < 3; k += 1) altered[Math.floor(Math.random() * altered.length)] = Math.floor(Math.random() * 256)
    if (altered.equals(good)) continue
    assert.ok([400, 403, 404, 422].includes((await post(served.url, altered)).status))
  }
  assert.deepEqual(served.fatal, [])
  assert.equal((await post(served.url, good)).status, 200)
})

test('two at once, again and again: the two branches of a fork never both get through', async () => {
  for (let round = 0; round < 20; round += 1) {
    await using served = await serveWitness('witness.example/w', [log])
    await post(served.url, log.submission(0, 0, 6))
    const asked = [0, 1, 0, 1].map((branch) => post(served.url, log.submission(branch, 6, 12)))
    const answers = await Promise.all(asked)
    const branches = answers.flatMap(({ status }, i) => (status === 200 ? [i % 2] : []))
    assert.equal(new Set(branches).size, 1, JSON.stringify(answers))
  }
})

test('over TLS', async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-tls-'))
  const [certFile, keyFile] = [join(dir.path, 'cert.pem'), join(dir.path, 'key.pem')]
  const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1']
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1']
  execFileSync('openssl', [...args, ...subject, '-keyout', keyFile, '-out', certFile], { stdio: 'ignore' })
  const [cert, key] = [await readFile(certFile), await readFile(keyFile)]
  await using served = await serveWitness('witness.example/w', [log], { tls: { cert, key } })
  assert.match(served.url, /^https:/)
  const status = await new Promise((done, fail) => {
    const request = httpsRequest(`${served.url}/add-checkpoint`, { method: 'POST', ca: cert }, (response) => {
      response.resume()
      done(response.statusCode)
    })
    request.on('error', fail)
    request.end(log.submission(0, 0, 5))
  })
  assert.equal(status, 200)
})
