// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { createBell, systemClock } from '@sealwatch/base'
import { readContext } from '../request/context.ts'
import { askServer, type ServerOptions } from './ask-server.ts'

const context = readContext({
  method: 'POST',
  path: '/caf\xc3\xa9',
  query: 'q=1',
  headers: [['X-Name', 'caf\xe9']],
  body: Buffer.from([0, 255]),
  address: '192.0.2.1',
  user: 'ana',
  isBodyCut: true,
})
const opinion = {
  threat_detected: true,
  threat: { type: 'xss', severity: 'high', score: 97, confidence: 0.97, reasons: [], signals: [] },
  action: 'observe',
  recommendation: 'block',
  detectors: { absent: ['model'], cut: [] },
  ledger: { tenant: 'acme', leaf_index: 7 },
}

async function serve(handle: RequestListener) {
  const server = createServer(handle).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    judge: (more: Partial<ServerOptions> = {}) => askServer({ url, token: () => ' swt_1\n', ...more }),
    [Symbol.asyncDispose]: async () => {
      server.close()
      server.closeAllConnections()
    },
  }
}
const saying =
  (value: unknown, status = 200, headers: Record<string, string> = { 'x-request-id': 'req_1' }): RequestListener =>
  (request, response) => {
    request.resume()
    response.writeHead(status, headers).end(typeof value === 'string' ? value : JSON.stringify(value))
  }

test('DET-4 the server is asked with the request as it came, and its opinion is what it says', async () => {
  let came: { headers: unknown; body: unknown } | undefined
  await using server = await serve(async (request, response) => {
    let text = ''
    for await (const piece of request) text += String(piece)
    came = { headers: request.headers.authorization, body: JSON.parse(text) }
    saying(opinion)(request, response)
  })
  const told = await server.judge().ask(context)
  assert.deepEqual(told, {
    id: 'req_1',
    action: 'observe',
    threat: opinion.threat,
    detectors: opinion.detectors,
    isRecorded: true,
  })
  assert.deepEqual(came, {
    headers: 'Bearer swt_1',
    body: {
      request_context: {
        method: 'POST',
        url: '/café?q=1',
        version: '1.1',
        headers: [['X-Name', 'café']],
        body_base64: 'AP8=',
        body_is_cut: true,
        address: '192.0.2.1',
        user: 'ana',
      },
    },
  })
})

test('DET-4 of a threat without a line of its own the service hears that it has none', async () => {
  await using server = await serve(saying({ ...opinion, ledger: null, unwritten: 'many' }))
  const { action, isRecorded } = await server.judge().ask(context)
  assert.deepEqual([action, isRecorded], ['observe', false])
})

test('DET-4 a server that does not judge this request is told apart from one that is away', async () => {
  for (const [status, code] of [
    [400, 'JUDGE_REFUSED'],
    [413, 'JUDGE_REFUSED'],
    [429, 'JUDGE_REFUSED'],
    [401, 'JUDGE_AWAY'],
    [403, 'JUDGE_AWAY'],
    [503, 'JUDGE_AWAY'],
  ] as const) {
    await using server = await serve(saying('', status))
    await assert.rejects(server.judge().ask(context), { code }, String(status))
  }
})

test('DET-4 all else than an opinion is none', async () => {
  const answers = [
    saying('no JSON'),
    saying({ ...opinion, action: 'dance' }),
    saying({ threat_detected: false }),
    saying(opinion, 200, {}),
    saying(opinion, 403),
    saying('x'.repeat(300_000)),
    ((request) => request.socket.destroy()) satisfies RequestListener,
  ]
  for (const answer of answers) {
    await using server = await serve(answer)
    await assert.rejects(server.judge().ask(context), { code: 'JUDGE_AWAY' })
  }
})

test('DET-4 an answer that does not come is not waited for, and after five nobody is asked for a while', async () => {
  let asked = 0
  let nowNs = 0n
  const bell = createBell()
  const arrived = createBell()
  const clock = {
    ...systemClock,
    monotonicNs: () => nowNs,
    sleep: (_ms: number, signal: AbortSignal = new AbortController().signal) => bell.wait(signal),
  }
  await using server = await serve(() => {
    asked += 1
    arrived.ring()
  })
  const judge = server.judge({ clock })
  for (let n = 1; n <= 5; n += 1) {
    const here = arrived.wait(new AbortController().signal)
    const asking = judge.ask(context)
    await here
    bell.ring()
    await assert.rejects(asking, { code: 'JUDGE_AWAY', received: /no answer in 2000 ms/ })
  }
  await assert.rejects(judge.ask(context), { code: 'JUDGE_AWAY', received: /5 failures in a row/ })
  assert.equal(asked, 5)
  nowNs += 5_000_000_000n
  const here = arrived.wait(new AbortController().signal)
  const asking = judge.ask(context)
  await here
  bell.ring()
  await assert.rejects(asking, { code: 'JUDGE_AWAY' })
  assert.equal(asked, 6)
})

test('DET-4 a server that refuses questions is there, and is asked the next: nobody has it left in peace by asking too much', async () => {
  let asked = 0
  await using server = await serve((_, response) => {
    asked += 1
    response.writeHead(429).end()
  })
  const judge = server.judge()
  for (let n = 1; n <= 7; n += 1) await assert.rejects(judge.ask(context), { code: 'JUDGE_REFUSED', received: /429/ })
  assert.equal(asked, 7)
})

test('DET-4 so many are asked at once, and no more', async () => {
  const held: (() => void)[] = []
  const arrived = createBell()
  await using server = await serve((request, response) => {
    held.push(() => saying(opinion)(request, response))
    arrived.ring()
  })
  const judge = server.judge({ limits: { atOnceMax: 1 } })
  const here = arrived.wait(new AbortController().signal)
  const first = judge.ask(context)
  await here
  await assert.rejects(judge.ask(context), { code: 'JUDGE_REFUSED', received: /1 under way/ })
  held[0]?.()
  assert.equal((await first).id, 'req_1')
})

test('DET-4 a token goes nowhere in the clear', () => {
  for (const url of ['http://192.0.2.1', 'http://seal.example', 'x', 'ftp://localhost'])
    assert.throws(() => askServer({ url, token: () => 'swt_1' }), { code: 'JUDGE_URL' }, url)
})

test('DET-4 a token is a text, or a function that gives one', async () => {
  const came: unknown[] = []
  await using server = await serve((request, response) => {
    came.push(request.headers.authorization)
    saying(opinion)(request, response)
  })
  for (const token of ['swt_2\n', () => 'swt_3', async () => 'swt_4 ']) await server.judge({ token }).ask(context)
  assert.deepEqual(came, ['Bearer swt_2', 'Bearer swt_3', 'Bearer swt_4'])
})

test('DET-4 what is no token is refused where it is given, and is not repeated', async () => {
  const none = [undefined, null, 7, {}, '', ' ', 'swt_1\nswt_2', 'swt_ä'] as unknown[]
  for (const token of none as string[]) {
    const refused = { code: 'JUDGE_TOKEN', message: /^(?!.*swt_(1|ä)).*token: \(\) =>/ }
    assert.throws(() => askServer({ url: 'http://127.0.0.1', token }), refused, String(token))
    await assert.rejects(askServer({ url: 'http://127.0.0.1', token: () => token }).ask(context), {
      code: 'JUDGE_TOKEN',
    })
  }
})
