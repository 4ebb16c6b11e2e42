// SPDX-License-Identifier: Apache-2.0
// A stranger on the network tries a whole server: what is no request, what is two, what is slow, and what is guessed.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { connect } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { connect as connectTls, type SecureVersion } from 'node:tls'
import { startServer, type TestServer } from './server.ts'

let server: TestServer
let token: string
before(async () => {
  server = await startServer({ SEALWATCH_SERVER_API_AT_ONCE_PER_TENANT: '2' })
  for (const name of ['acme', 'zeta'])
    await server.root('cluster').call('createTenant', { body: { name, title: name } })
  token = (
    await server.root('acme').call('createToken', {
      body: { name: 'acme', actions: ['role:list', 'role:write', 'token:list', 'token:create'], ttl_seconds: 3600 },
    })
  ).token
})
after(() => server[Symbol.asyncDispose]())

const headOf = (text: string) => text.split('\r\n\r\n')[0] as string

/** Every byte that comes for these bytes, until the other side ends. */
function raw(bytes: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
    let heard = ''
    socket.on('data', (chunk) => {
      heard += chunk.toString('latin1')
    })
    socket.on('error', () => undefined)
    socket.once('close', () => resolve(heard))
    socket.write(Buffer.from(bytes, 'latin1'))
  })
}

const due = {
  'content-security-policy': /^default-src 'none'; script-src 'self'; .*frame-ancestors 'none'/,
  'cross-origin-opener-policy': /^same-origin$/,
  'cross-origin-resource-policy': /^same-origin$/,
  'referrer-policy': /^no-referrer$/,
  'x-content-type-options': /^nosniff$/,
  'x-frame-options': /^DENY$/,
  'cache-control': /^no-store$/,
  'permissions-policy': /camera=\(\)/,
}
/** As it comes over the wire: each header is there, and none that helps another origin, or says what we are made of. */
function checkHeaders(answer: string, said: string): void {
  const lines = headOf(answer).split('\r\n').slice(1)
  const headers = new Map(
    lines.map((line) => [line.split(': ')[0]?.toLowerCase(), line.split(': ').slice(1).join(': ')]),
  )
  for (const [name, form] of Object.entries(due)) assert.match(headers.get(name) ?? 'none', form, `${name} of ${said}`)
  for (const name of headers.keys())
    assert.doesNotMatch(name ?? '', /^(access-control-.*|server|x-powered-by|via)$/, said)
}

const head = (first: string, ...lines: readonly string[]) => `${[first, ...lines].join('\r\n')}\r\n\r\n`
const host = 'Host: localhost'
const close = 'Connection: close'

test('every answer has the security headers, and lets no other origin read it', async () => {
  for (const [first, status] of [
    ['GET /api/v1/openapi.json HTTP/1.1', 200],
    ['HEAD /api/v1/openapi.json HTTP/1.1', 200],
    ['GET /api/v1/roles HTTP/1.1', 401],
    ['HEAD /api/v1/roles HTTP/1.1', 401],
    ['GET /nothing HTTP/1.1', 404],
    ['OPTIONS /api/v1/tokens HTTP/1.1', 404],
    ['OPTIONS * HTTP/1.1', 404],
    ['TRACE /api/v1/tokens HTTP/1.1', 404],
    ['DELETE /api/v1/openapi.json HTTP/1.1', 404],
    ['PROPFIND / HTTP/1.1', 404],
    [`GET /${'a'.repeat(20_000)} HTTP/1.1`, 431],
    ['GET /api/v1/% HTTP/1.1', 400],
    ['NONSENSE / HTTP/1.1', 400],
  ] as const) {
    const preflight = ['Origin: https://evil.example', 'Access-Control-Request-Method: POST', 'Cookie: planted=cookie']
    const answer = await raw(head(first, host, close, ...preflight))
    assert.equal(Number(answer.split(' ')[1]), status, `${first.slice(0, 60)}: ${answer.slice(0, 300)}`)
    checkHeaders(answer, first.slice(0, 60))
    assert.ok(!answer.includes('planted'), 'TRACE would show cookies to scripts')
    if (first.startsWith('HEAD')) assert.equal(answer.split('\r\n\r\n')[1], '')
  }
  assert.equal(await raw(head('CONNECT evil.example:443 HTTP/1.1', host)), '', 'we are no proxy')
})

const post = 'POST /api/v1/tokens HTTP/1.1'
const smuggled = head('GET /api/v1/openapi.json HTTP/1.1', host)
const shapes: Readonly<Record<string, string>> = {
  'CL and TE': `${head(post, host, 'Content-Length: 6', 'Transfer-Encoding: chunked')}0\r\n\r\n${smuggled}`,
  'TE and CL': `${head(post, host, 'Transfer-Encoding: chunked', 'Content-Length: 6')}0\r\n\r\n${smuggled}`,
  'two CLs': `${head(post, host, 'Content-Length: 6', 'Content-Length: 5')}01234${smuggled}`,
  'two CLs that agree': `${head(post, host, 'Content-Length: 5', 'Content-Length: 5')}01234${smuggled}`,
  'a CL that is a list': `${head(post, host, 'Content-Length: 5, 5')}01234${smuggled}`,
  'a CL with a sign': `${head(post, host, 'Content-Length: +5')}01234${smuggled}`,
  'a CL in hex': `${head(post, host, 'Content-Length: 0x5')}01234${smuggled}`,
  'a CL below zero': head(post, host, 'Content-Length: -1') + smuggled,
  'a CL beyond all': head(post, host, 'Content-Length: 99999999999999999999') + smuggled,
  'an unknown TE': `${head(post, host, 'Transfer-Encoding: xchunked')}0\r\n\r\n${smuggled}`,
  'TE that ends otherwise': `${head(post, host, 'Transfer-Encoding: chunked, identity')}0\r\n\r\n${smuggled}`,
  'a blank before the colon': `${head(post, host, 'Transfer-Encoding : chunked')}0\r\n\r\n${smuggled}`,
  'a folded line': head('GET /api/v1/roles HTTP/1.1', host, 'X: a', ' b') + smuggled,
  'a folded TE': `${head(post, host, 'Transfer-Encoding:', ' chunked')}0\r\n\r\n${smuggled}`,
  'bare LF': 'GET /api/v1/openapi.json HTTP/1.1\nHost: localhost\n\n',
  'bare CR': head('GET /api/v1/roles HTTP/1.1', host, 'X: a\rY: b') + smuggled,
  NUL: head('GET /api/v1/roles HTTP/1.1', host, 'X: a\0b') + smuggled,
  'a chunk size in hex with 0x': `${head(post, host, 'Transfer-Encoding: chunked')}0x2\r\n{}\r\n0\r\n\r\n`,
  'a chunk that ends in LF': `${head(post, host, 'Transfer-Encoding: chunked')}2\n{}\r\n0\r\n\r\n`,
  'no host': head('GET /api/v1/openapi.json HTTP/1.1', close),
  'two hosts': head('GET /api/v1/openapi.json HTTP/1.1', host, 'Host: evil.example', close),
  'two tokens': head('GET /api/v1/openapi.json HTTP/1.1', host, 'Authorization: a', 'Authorization: b', close),
  'HTTP/0.9': 'GET /api/v1/openapi.json\r\n\r\n',
  'HTTP/2 in plain': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'a TLS greeting': '\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03',
}
for (const [what, bytes] of Object.entries(shapes))
  test(`${what}: one answer, which is a refusal, and nothing that follows is read`, async () => {
    const answer = await raw(bytes)
    assert.match(answer, /^HTTP\/1\.1 400 Bad Request\r\n/)
    assert.equal(answer.split('HTTP/1.1 ').length, 2, answer)
    checkHeaders(answer, what)
  })

test('bombs of headers are refused', async () => {
  for (const lines of [Array(3_000).fill('a: b'), [`X: ${'a'.repeat(20_000)}`], [`Cookie: ${'a=b; '.repeat(4_000)}`]]) {
    const answer = await raw(head('GET /api/v1/roles HTTP/1.1', host, ...(lines as string[])))
    assert.match(answer, /^HTTP\/1\.1 431 /)
    checkHeaders(answer, 'a bomb')
  }
})

test('no page of elsewhere whose name was made to lead here is answered', async () => {
  const answer = await raw(head('GET /api/v1/openapi.json HTTP/1.1', 'Host: evil.example', close))
  assert.match(answer, /^HTTP\/1\.1 403 /)
  assert.match(answer, /"title":"Request blocked for security reasons"/)
  assert.ok(!answer.includes('paths'))
})

test('a method is the one that was sent', async () => {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  for (const name of ['X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override']) {
    const { status } = await server.send({
      method: 'GET',
      path: '/api/v1/roles',
      headers: { ...headers, [name]: 'DELETE' },
    })
    assert.equal(status, 200)
  }
  const { status } = await server.send({ method: 'POST', path: '/api/v1/roles?_method=GET', headers, body: '{}' })
  assert.equal(status, 404)
})

test('ten thousand ids in one request are refused before they are looked at', async () => {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const ids = Array.from({ length: 10_000 }, (_, i) => `id_${i}`)
  const asked = await server.send({
    method: 'GET',
    path: `/api/v1/tokens?${ids.map((id) => `id=${id}`).join('&')}`,
    headers,
  })
  assert.equal(asked.status, 431)
  const body = JSON.stringify({ name: 'many', actions: ids, ttl_seconds: 60 })
  const posted = await server.send({ method: 'POST', path: '/api/v1/tokens', headers, body })
  assert.equal(posted.status, 413)
  assert.ok(posted.text.length < 5_000)
})

test('names that look like others are refused, or are no names that decide', async () => {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const actions = ['role:list']
  for (const name of [
    '\u0430dmin',
    'viewer\u200b',
    'v\u0131ewer',
    'ｖiewer',
    'viewer%00',
    'Viewer',
    '..',
    'viewer\u0301',
  ])
    assert.ok(
      [400, 404].includes(
        (
          await server.send({
            method: 'PUT',
            path: `/api/v1/roles/${encodeURIComponent(name)}`,
            headers,
            body: JSON.stringify({ actions }),
          })
        ).status,
      ),
      name,
    )
  for (const name of [
    '\u202egnp.exe',
    'a\u200bb',
    '\ufeff',
    'a\u0000',
    'a\nb',
    '\u2066x\u2069',
    '\ud800',
    '\u3164',
    '\u2800',
    '\u034f',
    'v\u0456ewer',
  ])
    assert.equal(
      (
        await server.send({
          method: 'POST',
          path: '/api/v1/tokens',
          headers,
          body: JSON.stringify({ name, actions, ttl_seconds: 60 }),
        })
      ).status,
      400,
      JSON.stringify(name),
    )
})

test('who guesses tokens is told to wait and is on record, and takes the turn of nobody who has one', async () => {
  const guess = `swt_${'A'.repeat(43)}00000000`
  const ask = (value: string) =>
    server.send({ method: 'GET', path: '/api/v1/roles', headers: { authorization: `Bearer ${value}` } })
  let last = await ask(guess)
  for (let i = 0; i < 60 && last.status === 401; i += 1) last = await ask(guess)
  assert.deepEqual([last.status, last.headers['retry-after']], [429, '2'])
  assert.equal((await ask(token)).status, 200)
  // What is recorded after it says that it is recorded.
  await server.root('cluster').call('putRole', { params: { name: 'after' }, body: { actions: ['role:list'] } })
  const lines = await linesOf('cluster')
  const told = lines.filter((line) => line.includes('"status_code":"API_TOKEN_UNKNOWN"'))
  assert.equal(told.length, 1, 'one line, however many guesses within a minute')
  assert.match(told[0] as string, /"ip":"127\.0\.0\.1"/)
  assert.ok(!lines.join('').includes(guess.slice(4, 40)))
})

async function linesOf(tenant: string): Promise<string[]> {
  const files = await readdir(join(server.dir, 'ledgers'), { recursive: true, withFileTypes: true })
  return files
    .filter((file) => file.isFile() && file.parentPath.endsWith(join(tenant, 'lines')))
    .flatMap(({ parentPath, name }) => readFileSync(join(parentPath, name), 'utf8').split('\n'))
}

test('what one tenant has under way keeps itself waiting, and nobody else', async () => {
  const other = await server
    .root('zeta')
    .call('createToken', { body: { name: 'zeta', actions: ['role:list'], ttl_seconds: 3600 } })
  const port = Number(new URL(server.url).port)
  // Two bodies that do not come.
  const held = Array.from({ length: 2 }, () => {
    const socket = connect(port, '127.0.0.1')
    const lines = [host, `Authorization: Bearer ${token}`, 'Content-Type: application/json', 'Content-Length: 9']
    socket.write(head('POST /api/v1/tokens HTTP/1.1', ...lines))
    return socket
  })
  const ask = async (value: string) =>
    (await server.send({ method: 'GET', path: '/api/v1/roles', headers: { authorization: `Bearer ${value}` } })).status
  while ((await ask(token)) !== 429);
  for (let i = 0; i < 20; i += 1) assert.equal(await ask(other.token), 200)
  for (const socket of held) socket.destroy()
  while ((await ask(token)) !== 200);
})

test('nobody who is not known sends a body, and no body of a stranger is waited for', async () => {
  const answer = await raw(head(post, host, close, 'Content-Type: application/json', 'Content-Length: 1000000'))
  assert.match(answer, /^HTTP\/1\.1 401 /)
})

test('secrets that come with requests stand in no log, no answer and no figure', async () => {
  const planted = [
    'swt_planted-in-a-header',
    'planted-in-a-cookie',
    'planted-in-a-query',
    'planted-in-a-body',
    'planted-csrf',
  ]
  const [bearer, cookie, query, body, csrf] = planted as [string, string, string, string, string]
  const headers = { cookie: `__Host-sealwatch=${cookie}`, 'content-type': 'application/json', 'sealwatch-csrf': csrf }
  const answers = await Promise.all(
    ['/api/v1/tokens', '/auth/callback', '/nothing', '/api/v1/session'].flatMap((path) =>
      [
        { ...headers, authorization: `Bearer ${bearer}` },
        headers,
        { ...headers, authorization: `Bearer ${token}` },
      ].flatMap((of) =>
        ['GET', 'POST'].map((method) =>
          server.send({
            method,
            path: `${path}?token=${query}&code=${query}&password=${query}`,
            headers: of,
            ...(method === 'POST' ? { body: JSON.stringify({ name: 1, password: body, token: body }) } : {}),
          }),
        ),
      ),
    ),
  )
  const said = server.log.join('\n')
  for (const secret of [...planted, token.slice(4)]) {
    assert.ok(!said.includes(secret), `${secret} in the log`)
    for (const { text, headers: shown } of answers)
      assert.ok(!`${text}${JSON.stringify(shown)}`.includes(secret), `${secret} in ${text}`)
  }
})

test('whoever is denied again and again fills no log, and makes no figure of its own', async () => {
  const { health } = (await server.root('cluster').call('getStatus')) as { health: string }
  const figures = async () =>
    (await (await fetch(`${health}/metrics`)).text()).split('\n').map((line) => line.split(' ')[0])
  const [before, said] = [await figures(), server.log.length]
  for (let i = 0; i < 100; i += 1)
    await server.send({
      method: ['GET', 'POST', 'REPORT'][i % 3] as string,
      path: `/api/v1/roles?made-up=${i}`,
      headers: { 'sealwatch-tenant': `tenant-${i}`, 'user-agent': `agent-${i}` },
    })
  assert.ok(server.log.length - said <= 30, `${server.log.length - said} lines`)
  assert.deepEqual(await figures(), before)
})

test('beyond this machine there is TLS 1.3 and nothing else', async (t) => {
  const outside = Object.values(networkInterfaces())
    .flat()
    .find((place) => place?.family === 'IPv4' && !place.internal)?.address
  if (outside === undefined) return t.skip('this machine has no address but loopback')
  await using away = await startServer({ SEALWATCH_SERVER_API_ADDRESS: outside })
  const { port, protocol } = new URL(away.url)
  assert.equal(protocol, 'https:')
  const speak = (version: SecureVersion) =>
    new Promise<string>((resolve) => {
      const socket = connectTls({
        host: outside,
        port: Number(port),
        minVersion: version,
        maxVersion: version,
        rejectUnauthorized: false,
      })
      let heard = ''
      socket.on('data', (chunk) => {
        heard += chunk.toString('latin1')
      })
      socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(String(code)))
      socket.once('close', () => resolve(heard))
      socket.once('secureConnect', () =>
        socket.write(head('GET /api/v1/openapi.json HTTP/1.1', `Host: ${outside}`, close)),
      )
    })
  const answer = await speak('TLSv1.3')
  assert.match(answer, /^HTTP\/1\.1 200 /)
  assert.match(answer, /\r\nstrict-transport-security: max-age=31536000\r\n/)
  checkHeaders(answer, 'TLS')
  assert.equal(await speak('TLSv1.2'), 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION')
  const plain = await new Promise<string>((resolve) => {
    const socket = connect(Number(port), outside)
    let heard = ''
    socket.on('data', (chunk) => {
      heard += chunk.toString('latin1')
    })
    socket.on('error', () => undefined)
    socket.once('close', () => resolve(heard))
    socket.write(head('GET /api/v1/openapi.json HTTP/1.1', `Host: ${outside}`, close))
  })
  assert.ok(!plain.includes('200 OK') && !plain.includes('openapi'), plain)
})
