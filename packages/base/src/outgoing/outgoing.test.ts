// SPDX-License-Identifier: Apache-2.0
// SSRF: whoever names a place, answers for a name, or answers at all, tries to have this machine call another one.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempDisposable, readFile } from 'node:fs/promises'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, createServer as createRaw, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { type Clock, systemClock } from '../clock.ts'
import { type Address, createOutgoing, type OutgoingOptions, safeUrl } from './outgoing.ts'

/** Waits end when the test says so. */
function stoppedClock(): Clock & { ring(): void } {
  let sleepers: (() => void)[] = []
  return {
    ...systemClock,
    sleep: (_ms, signal) =>
      new Promise((wake) => {
        sleepers.push(wake)
        signal?.addEventListener('abort', () => wake(), { once: true })
      }),
    ring: () => {
      for (const wake of sleepers.splice(0)) wake()
      sleepers = []
    },
  }
}

const run = promisify(execFile)
const serve = (handle: RequestListener) => listening(createServer(handle))
async function listening(server: Server) {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { ...placeOf(server), [Symbol.asyncDispose]: async () => closed(server) }
}
/** Says what it is told to, HTTP or not. */
async function serveRaw(say: (socket: Socket) => void) {
  const sockets = new Set<Socket>()
  const server = createRaw((socket) => {
    sockets.add(socket.on('error', () => undefined))
    socket.once('data', () => say(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    ...placeOf(server),
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      await closed(server)
    },
  }
}
const placeOf = (server: { address(): unknown }) => {
  const { port } = server.address() as AddressInfo
  return { port, url: `http://127.0.0.1:${port}` }
}
async function closed(server: { close(): unknown; closeAllConnections?(): void }) {
  server.close()
  server.closeAllConnections?.()
}

const to = (origins: readonly string[], more: Partial<OutgoingOptions> = {}) =>
  createOutgoing({ what: 'the test', origins: new Set(origins), clock: systemClock, ...more })
const answering =
  (...addresses: readonly string[]) =>
  async (): Promise<Address[]> =>
    addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))

test('what is named is called, with its own headers and no others', async () => {
  await using server = await serve(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    const { method, url, headers } = request
    response.setHeader('set-cookie', 'a=b').setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ method, url, body, headers }))
  })
  const headers = { 'x-mine': '1', host: 'elsewhere', 'transfer-encoding': 'chunked', 'Proxy-Authorization': 'x' }
  const response = await to([server.url])(`${server.url}/a?b`, { method: 'POST', body: 'héllo', headers })
  assert.equal(response.status, 200)
  assert.deepEqual([...response.headers], [['content-type', 'application/json']])
  const { headers: seen, ...rest } = (await response.json()) as { headers: Record<string, string> }
  assert.deepEqual(rest, { method: 'POST', url: '/a?b', body: 'héllo' })
  assert.deepEqual(seen, {
    host: `127.0.0.1:${server.port}`,
    'x-mine': '1',
    'content-length': '6',
    connection: 'close',
  })
})

test('nothing else is called, however it is written', async () => {
  let asked = 0
  await using server = await serve((_request, response) => {
    asked += 1
    response.end()
  })
  const { port } = server
  for (const url of [
    'x',
    `http://localhost:${port}`,
    `http://[::1]:${port}`,
    `https://127.0.0.1:${port}`,
    `http://127.0.0.1:${port + 1}`,
    `http://a:b@127.0.0.1:${port}`,
    `http://127.0.0.1:${port}@evil.example/`,
    'file:///etc/passwd',
    'data:text/plain,x',
    'ftp://127.0.0.1',
  ])
    await assert.rejects(to([server.url])(url), { code: 'OUTGOING_REFUSED' }, url)
  assert.equal(asked, 0)
  // Other spellings of the named address are that address.
  for (const spelt of ['2130706433', '0177.0.0.1', '0x7f.1', '127.1', '１２７.0.0.1', '127.0.0.1.'])
    assert.equal((await to([server.url])(`http://${spelt}:${port}`)).status, 200, spelt)
  assert.equal(asked, 6)
})

test('where anybody may name a place, it is https and public, by whatever spelling', async () => {
  const call = to([], { isOpen: true, resolve: () => assert.fail('an address is not looked up') })
  for (const host of [
    '127.0.0.1',
    '2130706433',
    '0x7f000001',
    '017700000001',
    '127.1',
    '①②⑦.⓪.⓪.①',
    '0',
    '10.0.0.1',
    '169.254.169.254',
    '0xa9fea9fe',
    '2852039166',
    '0251.0376.0251.0376',
    '[::1]',
    '[::]',
    '[::ffff:127.0.0.1]',
    '[::ffff:a9fe:a9fe]',
    '[64:ff9b::a9fe:a9fe]',
    '[fe80::1]',
    '[fd00:ec2::254]',
    '100.100.100.200',
    '255.255.255.255',
  ])
    await assert.rejects(call(`https://${host}/latest/meta-data`), { code: 'OUTGOING_REFUSED' }, host)
  await assert.rejects(call('http://1.1.1.1'), { code: 'OUTGOING_REFUSED' })
})

test('a name that leads inside is refused, also when it leads outside too; nobody is told where it leads', async () => {
  for (const inside of ['127.0.0.1', '10.1.2.3', '169.254.169.254', '::1', '::ffff:10.0.0.1', 'fe80::1']) {
    const call = to([], { isOpen: true, resolve: answering('1.1.1.1', inside) })
    await assert.rejects(call('https://evil.example'), (error: Error & { code: string }) => {
      assert.equal(error.code, 'OUTGOING_REFUSED')
      assert.ok(!error.message.includes(inside), error.message)
      return true
    })
  }
  await assert.rejects(to([], { isOpen: true, resolve: answering() })('https://evil.example'), {
    code: 'OUTGOING_REFUSED',
  })
})

test('a named origin may be inside, but never the metadata of a cloud, and plain HTTP never leaves the machine', async () => {
  const call = (origin: string, address: string) => to([origin], { resolve: answering(address) })(origin)
  for (const address of ['169.254.169.254', 'fd00:ec2::254', '::ffff:10.0.0.1', '224.0.0.1', '0.0.0.0'])
    await assert.rejects(call('https://idp.corp.example', address), { code: 'OUTGOING_REFUSED' }, address)
  for (const address of ['10.0.0.1', '1.1.1.1'])
    await assert.rejects(call('http://localhost:1', address), { code: 'OUTGOING_REFUSED' }, address)
})

test('a name is looked up once, and what was judged is what is connected to', async () => {
  await using server = await serve((request, response) => response.end(request.headers.host))
  let asked = 0
  // A name that rebinds: its second answer is another one.
  const resolve = async () => {
    asked += 1
    return asked === 1 ? [{ address: '127.0.0.1', family: 4 }] : [{ address: '169.254.169.254', family: 4 }]
  }
  // The system's resolver knows no such name (RFC 6761, 6.4).
  const origin = `http://rebinds.invalid:${server.port}`
  const response = await to([origin], { resolve })(origin)
  assert.equal(await response.text(), `rebinds.invalid:${server.port}`)
  assert.equal(asked, 1)
})

test('a redirect is refused, wherever it leads', async () => {
  const paths: (string | undefined)[] = []
  await using server = await serve((request, response) => {
    paths.push(request.url)
    response.writeHead(Number(request.url?.slice(1)), { location: 'http://169.254.169.254/latest/meta-data' }).end()
  })
  for (const status of [301, 302, 303, 307, 308])
    await assert.rejects(to([server.url])(`${server.url}/${status}`), { code: 'OUTGOING_ANSWER' })
  assert.deepEqual(paths, ['/301', '/302', '/303', '/307', '/308'])
})

test('answers have a size: of the body, told or not, and of the headers; and are not unpacked', async () => {
  const bodies: Record<string, RequestListener> = {
    '/told': (_request, response) => response.writeHead(200, { 'content-length': 101 }).end('x'.repeat(101)),
    '/untold': (_request, response) => {
      response.write('x'.repeat(60))
      response.end('x'.repeat(60))
    },
    '/packed': (_request, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('x'),
    '/fits': (_request, response) => response.end('x'.repeat(100)),
    '/headers': (_request, response) => response.writeHead(200, { x: 'x'.repeat(20_000) }).end(),
  }
  await using server = await serve((request, response) => bodies[request.url ?? '']?.(request, response))
  const call = (path: string) => to([server.url], { answerBytesMax: 100 })(server.url + path)
  for (const path of ['/told', '/untold', '/packed'])
    await assert.rejects(call(path), { code: 'OUTGOING_ANSWER' }, path)
  await assert.rejects(call('/headers'), { code: 'HPE_HEADER_OVERFLOW' })
  assert.equal((await (await call('/fits')).text()).length, 100)
})

test('whoever never ends an answer, or a look-up, is left when time is up; a caller may leave earlier', async () => {
  const started = Promise.withResolvers<void>()
  await using drip = await serveRaw((socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nx', () => started.resolve())
  })
  const clock = stoppedClock()
  const slow = to([drip.url], { clock })(drip.url)
  await started.promise
  clock.ring()
  await assert.rejects(slow, { code: 'OUTGOING_LATE' })
  const hangs = to(['https://x.example'], { clock, resolve: () => new Promise(() => undefined) })('https://x.example')
  clock.ring()
  await assert.rejects(hangs, { code: 'OUTGOING_LATE' })
  const leaving = new AbortController()
  const left = to([drip.url], { clock })(drip.url, { signal: leaving.signal })
  leaving.abort()
  await assert.rejects(left, { name: 'AbortError' })
})

test('what is no answer is an error, and nothing hangs', async () => {
  for (const said of [
    '',
    'HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nx',
    'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n',
    'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx',
    'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n',
    '220 mail.example ESMTP\r\n',
  ]) {
    await using server = await serveRaw((socket) => socket.end(said))
    await assert.rejects(to([server.url])(server.url), said)
  }
})

test('the environment puts no proxy between, and switches no certificate check off', async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-outgoing-'))
  const [key, cert] = [join(dir.path, 'key.pem'), join(dir.path, 'cert.pem')]
  await run('openssl', [
    ...['req', '-x509', '-newkey', 'ed25519', '-nodes', '-keyout', key, '-out', cert],
    ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'],
  ])
  await using proxy = await serve((_request, response) => response.end('proxied'))
  await using server = await serve((_request, response) => response.end('direct'))
  await using tls = await listening(
    createTlsServer({ key: await readFile(key), cert: await readFile(cert) }, (_request, response) =>
      response.end('known'),
    ),
  )
  const program = `
    import { readFileSync } from 'node:fs'
    import { createOutgoing } from '${import.meta.dirname}/outgoing.ts'
    import { systemClock } from '${import.meta.dirname}/../clock.ts'
    const secure = 'https://localhost:${tls.port}'
    const of = { what: 'x', origins: new Set(['${server.url}', secure]), clock: systemClock }
    const text = async (answer) => answer.then((response) => response.text(), ({ code }) => code)
    console.log(
      await text(createOutgoing(of)('${server.url}')), await text(fetch('${server.url}')),
      await text(createOutgoing(of)(secure)),
      await text(createOutgoing({ ...of, ca: readFileSync('${cert}', 'utf8') })(secure)))`
  const env = {
    NODE_USE_ENV_PROXY: '1',
    HTTP_PROXY: proxy.url,
    http_proxy: proxy.url,
    NODE_TLS_REJECT_UNAUTHORIZED: '0',
  }
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', program], { env })
  assert.equal(stdout, 'direct proxied DEPTH_ZERO_SELF_SIGNED_CERT known\n')
})

test('a setting names https, or http on this very machine', () => {
  for (const text of ['https://a.example', 'http://localhost:1', 'http://127.8.0.1', 'http://[::1]:2/x'])
    assert.ok(safeUrl(text), text)
  for (const text of ['http://a.example', 'http://10.0.0.1', 'https://u:p@a.example', 'ftp://localhost', 'x', ''])
    assert.equal(safeUrl(text), undefined, text)
})
