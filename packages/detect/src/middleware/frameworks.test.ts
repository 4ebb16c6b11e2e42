// SPDX-License-Identifier: Apache-2.0
// DET-4, DET-5: requests judged within services of node:http, Express and Fastify, all three real.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import { before, describe, test } from 'node:test'
import { createBell, systemClock } from '@sealwatch/base'
import { detectError } from '../errors.ts'
import { type OpenedJudge, openJudge } from '../request/open-judge.ts'
import type { Leak, Threat } from './options.ts'
import { frameworks, type Options, type Sent, startService } from './test/services.ts'

const dropped = "1'; DROP TABLE users; --"
const form = { 'content-type': 'application/x-www-form-urlencoded' }
const json = { 'content-type': 'application/json' }
const posted = (headers: Readonly<Record<string, string>>, body: Sent['body'] & {}): Sent => ({
  method: 'POST',
  headers,
  body,
})
const attacks: Readonly<Record<string, readonly [path: string, sent: Sent]>> = {
  'the query': [`/search?q=${encodeURIComponent(dropped)}`, {}],
  'a body of JSON': ['/search', posted(json, JSON.stringify({ filter: [{ q: dropped }] }))],
  'a form': ['/search', posted(form, `a=b&q=${encodeURIComponent(dropped)}`)],
  'a form that comes in pieces': ['/search', posted(form, ['a=b&q=1%27%3B+DR', 'OP+TABLE+us', 'ers%3B+--'])],
  'a header': ['/', { headers: { cookie: "a=1' UNION SELECT name FROM users --" } }],
  'the beginning of an upload': [
    '/upload',
    posted({ 'content-type': 'text/plain' }, [`<script>alert(1)</script>${dropped}`, 'x'.repeat(400_000)]),
  ],
}
const benign = 'name=O%27Brien+%26+Sons&note=select+a+blue+table%3B+or+a+red+one&empty='
const title = 'Request blocked for security reasons'

let judge: OpenedJudge
before(() => {
  judge = openJudge({})
})

/** Waits are over when the test says so. */
function heldClock() {
  const bell = createBell()
  return {
    ...systemClock,
    sleep: (_ms: number, signal: AbortSignal = new AbortController().signal) => bell.wait(signal),
    ring: bell.ring,
  }
}

for (const framework of frameworks)
  describe(`requests judged within ${framework}`, () => {
    const start = (options: Partial<Options> = {}) => startService(framework, { judge, ...options } as Options)

    for (const [where, [path, sent]] of Object.entries(attacks))
      test(`DET-4 an attack in ${where} is blocked before the handler, by the safe message`, async () => {
        const threats: Threat[] = []
        await using service = await start({ onThreat: (threat) => threats.push(threat) })
        const { status, headers, text } = await service.send(path, sent)
        assert.deepEqual([status, headers['content-type']], [403, 'application/problem+json; charset=utf-8'])
        const problem = JSON.parse(text) as Record<string, unknown>
        assert.deepEqual(Object.keys(problem), ['type', 'title', 'status', 'code', 'request_id'])
        assert.equal(problem.title, title)
        assert.deepEqual(service.came, [])
        assert.deepEqual(
          threats.map(({ opinion }) => [opinion.id, opinion.action]),
          [[problem.request_id, 'block']],
        )
        assert.ok((threats[0]?.opinion.threat?.reasons.length ?? 0) > 0)
      })

    test('DET-4 what is no attack comes to the handler with its body, however that is sent', async () => {
      await using service = await start()
      const length = { 'content-length': String(benign.length) }
      const upload = 'blue table '.repeat(40_000)
      const bodies: readonly (readonly [Sent, unknown])[] = [
        [posted({ ...form, ...length }, benign), undefined],
        [posted(form, [benign.slice(0, 10), benign.slice(10)]), undefined],
        [posted(json, '{"a": [1, {"b": "select the best"}]}'), { a: [1, { b: 'select the best' }] }],
        [posted({ 'content-type': 'text/plain' }, [upload.slice(0, 300_000), upload.slice(300_000)]), upload],
        [{ method: 'GET' }, undefined],
      ]
      for (const [sent, body] of bodies) {
        const { status, text } = await service.send('/orders?page=2', sent)
        assert.equal(status, 200, text)
        const came = service.came.at(-1)
        assert.deepEqual([came?.method, came?.url], [sent.method, '/orders?page=2'])
        const plain = typeof sent.body === 'string' ? sent.body : [sent.body ?? ''].flat().join('')
        if (framework === 'http') assert.equal(came?.body, plain)
        else if (body !== undefined) assert.deepEqual(came?.body, body)
        else if (plain !== '')
          assert.deepEqual(
            typeof came?.body === 'string'
              ? Object.fromEntries(new URLSearchParams(came.body))
              : { ...(came?.body as object) },
            Object.fromEntries(new URLSearchParams(benign)),
          )
      }
    })

    test('DET-1 of a body without a length of which the beginning alone was judged, it is said that the rest is unseen', async () => {
      await using service = await start({ mode: 'tag' })
      const cutOf = async (...pieces: string[]) => {
        await service.send('/', posted({ 'content-type': 'text/plain' }, pieces))
        return service.came.at(-1)?.opinion?.detectors.cut
      }
      const half = '["blue table",'.repeat(8_000)
      assert.deepEqual([await cutOf(half), await cutOf(half, half)], [[], ['signals']])
    })

    test('DET-4 a body of no bytes that has no length ends', async () => {
      await using service = await start()
      const socket = service.connect()
      socket.write(
        'POST / HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n',
      )
      socket.write('0\r\n\r\n')
      const [answer] = (await once(socket, 'data')) as [Buffer]
      assert.match(answer.toString(), /^HTTP\/1\.1 200 /)
      socket.destroy()
    })

    test('DET-4 where nothing is to be blocked the handler finds the opinion, or waits for none', async () => {
      const [path, sent] = attacks['a body of JSON'] as (typeof attacks)[string]
      const told = Promise.withResolvers<Threat>()
      await using tagging = await start({ mode: 'tag' })
      await using observing = await start({ mode: 'observe', onThreat: told.resolve })
      assert.equal((await tagging.send(path, sent)).status, 200)
      assert.equal(tagging.came[0]?.opinion?.threat?.type, 'sql_injection')
      assert.equal((await tagging.send('/')).status, 200)
      assert.deepEqual([tagging.came[1]?.opinion?.threat, tagging.came[1]?.opinion?.action], [undefined, 'allow'])
      assert.equal((await observing.send(path, sent)).status, 200)
      assert.equal(observing.came[0]?.opinion, null)
      assert.equal((await told.promise).opinion.action, 'block')
    })

    test('DET-4 a client that goes away before its body is there is no request, and the service serves on', async () => {
      await using service = await start()
      const socket = service.connect()
      socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf')
      socket.on('error', () => undefined)
      await service.send('/first')
      socket.destroy()
      await once(socket, 'close')
      assert.equal((await service.send('/second')).status, 200)
      assert.deepEqual(
        service.came.map(({ url }) => url),
        ['/first', '/second'],
      )
    })

    test('DET-4 a body that does not come in time is refused where requests are blocked, and goes on where not', async () => {
      for (const [mode, expected] of [
        ['block', 408],
        ['tag', 200],
      ] as const) {
        const clock = heldClock()
        await using service = await start({ mode, clock })
        const socket = service.connect()
        socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 8\r\n\r\nhalf')
        // Whoever comes after it is answered, so it has come.
        await service.send('/')
        clock.ring()
        if (expected === 200) socket.write('full')
        const [answer] = (await once(socket, 'data')) as [Buffer]
        assert.match(answer.toString(), new RegExp(`^HTTP/1\\.1 ${expected} `))
        socket.destroy()
      }
    })

    test('DET-4 while nobody can judge, requests pass or are refused, as the service says; and it is said once', async () => {
      const broken = { ask: async () => Promise.reject(new Error('the server is away')) }
      for (const [ifAway, expected] of [
        [undefined, 200],
        ['refuse', 503],
      ] as const) {
        const notices: string[] = []
        await using service = await start({ judge: broken, ifAway, onNotice: (text) => notices.push(text) })
        assert.deepEqual([(await service.send('/')).status, (await service.send('/')).status], [expected, expected])
        assert.equal(notices.length, 1, notices.join('; '))
      }
    })

    test('DET-4 what a server that is there does not judge is refused, unless the service says otherwise', async () => {
      const error = detectError('JUDGE_REFUSED', { attempted: 'a test' })
      const busy = { ask: async () => Promise.reject(error) }
      for (const [options, harmless, attack] of [
        [{}, 503, 503],
        [{ ifAway: 'pass' }, 503, 503],
        [{ ifRefused: 'pass' }, 200, 200],
        [{ ifAway: judge }, 200, 403],
        [{ ifAway: 'refuse', ifRefused: judge }, 200, 403],
      ] as const) {
        const notices: string[] = []
        await using service = await start({ judge: busy, ...options, onNotice: (text) => notices.push(text) })
        const [path, sent] = attacks['a body of JSON'] as (typeof attacks)[string]
        const got = [(await service.send('/')).status, (await service.send(path, sent)).status]
        assert.deepEqual(got, [harmless, attack], JSON.stringify(Object.keys(options)))
        assert.match(notices[0] ?? '', /does not judge some requests/)
      }
    })

    test('DET-4 while the server is away, a judge in the process stands in for it; a judge that fails lets nothing through', async () => {
      const away = { ask: async () => Promise.reject(new Error('the server is away')) }
      const broken = {
        judge: () => {
          throw new Error('broken')
        },
      }
      const [path, sent] = attacks['the query'] as (typeof attacks)[string]
      await using service = await start({ judge: away, ifAway: judge, onNotice: () => undefined })
      assert.deepEqual([(await service.send('/')).status, (await service.send(path, sent)).status], [200, 403])
      await using closed = await start({ judge: away, ifAway: broken, onNotice: () => undefined })
      assert.equal((await closed.send('/')).status, 503)
    })

    test('DET-4 what an answer gives away is told, and the answer is as it was', async () => {
      const answer = 'Error: no\n    at query (/srv/shop/db.js:12:7)\n    at next (/srv/shop/app.js:3:1)'
      const leaked = Promise.withResolvers<Leak>()
      await using service = await start({ answer, onLeak: leaked.resolve })
      assert.equal((await service.send('/x?y=1')).text, answer)
      const { kinds, status, context } = await leaked.promise
      assert.deepEqual([kinds, status, context.path], [['stack_trace'], 200, '/x'])
    })

    test('DET-1 how requests ended is learned', async () => {
      const seen = Promise.withResolvers<unknown>()
      const behaviour = { observe: (_context: unknown, outcome: unknown) => seen.resolve(outcome) }
      await using service = await start({ behaviour })
      await service.send('/')
      assert.deepEqual(await seen.promise, { failed: false })
    })

    test('DET-4 nothing of the service that throws keeps a request from its handler', async () => {
      const fails = () => {
        throw new Error('of the service')
      }
      const notices: string[] = []
      const more = { whose: fails, readsBody: fails, onThreat: fails, onNotice: (text: string) => notices.push(text) }
      await using service = await start({ mode: 'tag', ...more } as Partial<Options>)
      assert.equal((await service.send(...(attacks['a form'] as (typeof attacks)[string]))).status, 200)
      assert.match(notices[0] ?? '', /of the service/)
    })
  })

test('DET-4 a body that filled the stream before anybody looked at it comes whole', async (t) => {
  const { createServer } = await import('node:http')
  const { sealwatch } = await import('./http.ts')
  const judging = sealwatch({ judge }, async (request, response) => {
    let length = 0
    for await (const piece of request) length += (piece as Buffer).length
    response.end(String(length))
  })
  // As a service that first asks somebody who it is.
  const server = createServer(async (request, response) => {
    while (!request.socket.isPaused()) await systemClock.sleep(1)
    judging(request, response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  const body = 'blue table '.repeat(40_000)
  const answer = await fetch(`http://127.0.0.1:${port}`, { method: 'POST', body })
  assert.deepEqual([answer.status, await answer.text()], [200, String(body.length)])
})

test('DET-4 a function of the service that fails later ends no service either', async () => {
  const fails = async () => {
    throw new Error('of the service')
  }
  const noticed = createBell()
  const said = noticed.wait(new AbortController().signal)
  const onNotice = async (text: string) => {
    noticed.ring()
    throw new Error(`nobody hears of ${text}`)
  }
  const more = { whose: fails, readsBody: fails, onThreat: fails, onLeak: fails, onNotice, answer: 'SQLITE_ERROR' }
  await using service = await startService('http', { judge, mode: 'tag', ...more } as unknown as Options)
  assert.equal((await service.send(...(attacks['a form'] as (typeof attacks)[string]))).status, 200)
  await said
  assert.equal((await service.send('/')).status, 200)
})

test('DET-4 a request of HTTP/2 is judged with its body, which it need not announce, and is odd by nothing that HTTP/2 brings', async (t) => {
  const { connect, createServer } = await import('node:http2')
  const { sealwatch } = await import('./http.ts')
  const threats: Threat[] = []
  const server = createServer(
    sealwatch({ judge, onThreat: (threat) => threats.push(threat) }, async (request, response) => {
      let text = ''
      for await (const piece of request) text += String(piece)
      response.end(`came: ${text}`)
    }) as unknown as (request: Http2ServerRequest, response: Http2ServerResponse) => void,
  ).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect(`http://127.0.0.1:${(server.address() as { port: number }).port}`)
  t.after(() => {
    client.close()
    server.close()
  })
  const send = async (body: string | undefined, headers: Record<string, string> = {}) => {
    const asking = client.request({ ':method': body === undefined ? 'GET' : 'POST', ...json, ...headers })
    const answered = once(asking, 'response') as Promise<[{ readonly ':status'?: number }]>
    asking.end(body)
    let text = ''
    for await (const piece of asking) text += String(piece)
    return [(await answered)[0][':status'], text]
  }
  const good = JSON.stringify({ q: 'blue table' })
  const bad = JSON.stringify({ q: dropped })
  for (const lengthOf of [undefined, (body: string) => ({ 'content-length': String(body.length) })]) {
    assert.deepEqual(await send(good, lengthOf?.(good)), [200, `came: ${good}`])
    assert.deepEqual(threats.splice(0), [])
    assert.equal((await send(bad, lengthOf?.(bad)))[0], 403)
    assert.equal(threats.splice(0).length, 1)
  }
  const large = 'blue table '.repeat(40_000)
  assert.deepEqual(await send(large, { 'content-type': 'text/plain' }), [200, `came: ${large}`])
  assert.deepEqual(await send(undefined), [200, 'came: '])
  assert.deepEqual(await send(''), [200, 'came: '])
  assert.deepEqual(threats, [])
})

test('DET-4 behind what reads bodies it says once that it judges none', async () => {
  const notices: string[] = []
  const { createServer } = await import('node:http')
  const { sealwatch } = await import('./http.ts')
  const judging = sealwatch({ judge, onNotice: (text) => notices.push(text) }, (_request, response) =>
    response.end('fine'),
  )
  const server = createServer((request, response) => {
    request.resume().once('end', () => judging(request, response))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const answer = await fetch(`http://127.0.0.1:${port}`, { method: 'POST', body: dropped })
  assert.equal(await answer.text(), 'fine')
  assert.match(notices.join(), /before what reads their bodies/)
  server.close()
  server.closeAllConnections()
})
