// SPDX-License-Identifier: Apache-2.0
// sealwatch.ingest.v1.IngestService on the agents' port of a whole control plane.

import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type ClientHttp2Session, connect } from 'node:http2'
import { connect as connectTcp, type Socket } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { create, toBinary } from '@bufbuild/protobuf'
import { Form, type SignedRows, SubmitRequestSchema, strictOffPhrase } from '@sealwatch/contract'
import { grpcSender, httpSender, keySigner, type Sender, signRows } from '@sealwatch/producer'
import { startServer, type TestServer } from './server.ts'

const forever = new AbortController().signal
const { publicKey, privateKey } = generateKeyPairSync('ed25519')
const signer = keySigner('billing-1', privateKey)

let server: TestServer
let ca: string
let token: string
let url: string

before(async () => {
  server = await startServer()
  ca = certificateIn(readFileSync(join(server.dir, 'keys', 'ca.pem'), 'utf8'))
  url = `https://127.0.0.1:${server.agentPort}`
  const root = server.root('default')
  await root.call('addProducer', { body: { producer: 'billing' } })
  const public_key = publicKey.export({ type: 'spki', format: 'pem' }) as string
  const body = { key_id: 'billing-1', algorithm: 'ed25519', public_key }
  await root.call('addSigningKey', { params: { producer: 'billing' }, body })
  token = await tokenOf({ actions: ['rows:write'], service: 'billing' })
})
after(() => server[Symbol.asyncDispose]())

const certificateIn = (pem: string) => pem.slice(pem.indexOf('-----BEGIN CERTIFICATE'))

async function tokenOf(may: { actions: string[]; service?: string }): Promise<string> {
  const body = { name: 'a test', ttl_seconds: 600, ...may }
  return (await server.root('default').call('createToken', { body })).token
}

const senderWith = (bearer: string): Sender => grpcSender({ url, ca, token: () => bearer })

test('ING-2 ING-8 rows come over gRPC as they do over REST: the same outcomes, each id once', async () => {
  const send = senderWith(token)
  const one = await signRows(signer, ['{"a":1}', '{"a":2}'])
  const dsse = await signRows(signer, ['{"a":3}'], { form: 'dsse', payloadType: 'application/json' })
  const forged = { ...(await signRows(signer, ['{"a":4}'])), payload: Buffer.from('{"a":5}') }
  const stranger = await signRows(keySigner('nobodys', privateKey), ['{"a":6}'])
  const taken = { ...(await signRows(signer, ['{"a":7}'])), id: one.id }
  const noForm = { ...(await signRows(signer, ['{"a":8}'])), payload: Buffer.from('a\0') }
  const sent = [one, dsse, forged, stranger, taken, noForm, one]
  const told = (await send(sent, forever)).map((it) =>
    it.kind === 'quarantined' ? it.reason : it.kind === 'refused' ? it.code : it.kind,
  )
  assert.deepEqual(told, [
    'admitted',
    'admitted',
    'invalid_signature',
    'unknown_key',
    'SUBMISSION_ID_TAKEN',
    'SUBMISSION_MALFORMED',
    'duplicate',
  ])
  const jsonOf = ({ payloadType, keyId, payload, signature, ...rest }: SignedRows) => ({
    ...rest,
    payload: Buffer.from(payload).toString('base64'),
    payload_type: payloadType,
    key_id: keyId,
    signature: Buffer.from(signature).toString('base64'),
  })
  const again = await server.by(token).call('submitRows', { body: { submissions: [one, taken].map(jsonOf) } })
  const byGrpc = await send([one, taken], forever)
  assert.deepEqual(
    again.outcomes.map(({ outcome, ...rest }) => ({ kind: outcome, ...rest })),
    byGrpc.map((it) => (it.kind === 'duplicate' ? { kind: it.kind, leaf_index: it.leafIndex } : { ...it })),
  )
})

test('ING-3 while strict signatures are off a service hears of what is admitted why it was not verified, by gRPC and by REST', async () => {
  const root = server.root('default')
  await root.call('switchStrictOff', { body: { seconds: 600, acknowledgement: strictOffPhrase } })
  try {
    for (const send of [senderWith(token), httpSender({ url: server.url, token: () => token })]) {
      const rows = [await signRows(keySigner('nobodys', privateKey), ['{"u":1}']), await signRows(signer, ['{"u":2}'])]
      const outcomes = await send(rows, forever)
      assert.deepEqual(
        outcomes.map((it) => [it.kind, it.kind === 'admitted' && it.mark]),
        [
          ['admitted', 'unknown_key'],
          ['admitted', undefined],
        ],
      )
    }
  } finally {
    await root.call('switchStrictOn', {})
  }
})

test('POL-1 nobody but a service, by a token that counts, brings rows', async () => {
  const rows = [await signRows(signer, ['x'])]
  const wrong: [string, RegExp][] = [
    ['swt_nonsense', /CREDENTIALS_INVALID/],
    [await tokenOf({ actions: ['event:list', 'alert:list'] }), /ACCESS_DENIED/],
  ]
  for (const [bearer, rule] of wrong) await assert.rejects(senderWith(bearer)(rows, forever), rule)
  const { token: late, info } = await server
    .root('default')
    .call('createToken', { body: { name: 'late', ttl_seconds: 600, actions: ['rows:write'], service: 'billing' } })
  const send = senderWith(late)
  assert.equal((await send(rows, forever))[0]?.kind, 'admitted')
  await server.root('default').call('revokeToken', { params: { token_id: info.token_id } })
  await assert.rejects(send(rows, forever), /CREDENTIALS_INVALID/)
})

/** Who brought what came last into quarantine. */
async function lastPeer() {
  const root = server.root('default')
  const { items } = await root.call('listQuarantine', { query: { limit: 100 } })
  const { leaf_index, peer } = items.at(-1) ?? {}
  const read = await root.call('readQuarantined', { params: { leaf_index: leaf_index as number } })
  return { peer, sealed: read.peer }
}

test('ING-3 what is quarantined says who brought it: address and token, by REST and by gRPC', async () => {
  const { token: own, info } = await server
    .root('default')
    .call('createToken', { body: { name: 'named', ttl_seconds: 600, actions: ['rows:write'], service: 'billing' } })
  const ways = [
    [httpSender({ url: server.url, token: () => own }), /^127\.0\.0\.1$/],
    [senderWith(own), /^(::ffff:)?127\.0\.0\.1 port \d+$/],
  ] as const
  for (const [send, address] of ways) {
    const [outcome] = await send([await signRows(keySigner('nobodys', privateKey), ['{"who":1}'])], forever)
    assert.equal(outcome?.kind, 'quarantined')
    const { peer, sealed } = await lastPeer()
    assert.match(String(peer), address)
    assert.deepEqual(sealed, { address: peer, certificate: null, token: info.token_id })
  }
})

test('a service that is halted hears when to come again, on the connection that it has', async () => {
  const send = senderWith(token)
  await send([await signRows(signer, ['before'])], forever)
  const root = server.root('default')
  const params = { producer: 'billing' }
  await root.call('haltProducer', { params, body: { cause: 'a test' } })
  const [outcome] = await send([await signRows(signer, ['meanwhile'])], forever)
  assert.ok(outcome?.kind === 'refused' && outcome.code === 'PRODUCER_HALTED' && outcome.retryAfter === 60)
  await root.call('resumeProducer', { params })
})

/** A call by hand: headers and body are the test's, and so is when it ends. */
function callBy(session: ClientHttp2Session, headers: Record<string, string> = {}) {
  const stream = session.request({
    ':method': 'POST',
    ':path': '/sealwatch.ingest.v1.IngestService/Submit',
    'content-type': 'application/grpc+proto',
    te: 'trailers',
    authorization: `Bearer ${token}`,
    ...headers,
  })
  const ended = Promise.withResolvers<{ status: string; code: string; message: string }>()
  const seen: Record<string, string> = {}
  const note = (fields: object) => void Object.assign(seen, fields)
  stream.on('response', note).on('trailers', note)
  stream.on('error', () => undefined).resume()
  stream.once('close', () =>
    ended.resolve({
      status: String(seen[':status']),
      code: seen['grpc-status'] ?? 'cut off',
      message: decodeURIComponent(seen['grpc-message'] ?? ''),
    }),
  )
  return { stream, ended: ended.promise }
}

function frame(message: Uint8Array, length = message.length): Buffer {
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(length, 1)
  return Buffer.concat([prefix, message])
}

test('garbage, huge messages and endless ones are refused in words, and cost the others nothing', async () => {
  const session = connect(url, { ca })
  session.on('error', () => undefined)
  const good = await signRows(signer, ['good'])
  const { form: _, ...members } = good
  const message = toBinary(
    SubmitRequestSchema,
    create(SubmitRequestSchema, { submissions: [{ ...members, form: Form.DETACHED }] }),
  )
  const many = Buffer.alloc(4 * 1024 * 1024).map((_, i) => (i % 2 === 0 ? 0x0a : 0))
  const wrong: [string, Uint8Array, Record<string, string>, RegExp][] = [
    ['garbage', frame(Buffer.from('not protobuf at all')), {}, /SUBMISSIONS_INVALID/],
    ['two million submissions', frame(many), {}, /more than 100 submissions/],
    ['nothing', frame(Buffer.alloc(0)), {}, /0 submissions/],
    ['no message', Buffer.alloc(0), {}, /./],
    ['two messages', Buffer.concat([frame(message), frame(message)]), {}, /not one message/],
    ['a huge message', frame(Buffer.alloc(0), 0x7fffffff), {}, /message size|larger|exceed/i],
    ['an unknown member', frame(Buffer.concat([message, Buffer.of(0x12, 1, 1)])), {}, /SUBMISSIONS_INVALID/],
    ['an id that is no UTF-8', frame(Buffer.of(0x0a, 4, 0x0a, 2, 0xff, 0xfe)), {}, /SUBMISSIONS_INVALID.*UTF-8/s],
    ['a flag that is none', frame(message).fill(2, 0, 1), {}, /SUBMISSIONS_INVALID.*flag/s],
    ['no token', frame(message), { authorization: '' }, /CREDENTIALS_INVALID/],
  ]
  for (const [what, body, headers, rule] of wrong) {
    const { stream, ended } = callBy(session, headers)
    stream.end(body)
    const { code, message: said } = await ended
    assert.ok(code !== '0' && code !== '13', `${what}: ${code}`)
    assert.match(said, rule, `${what}: ${code} ${said}`)
  }
  const asJson = callBy(session, { 'content-type': 'application/json' })
  asJson.stream.end('{}')
  assert.equal((await asJson.ended).status, '415')
  // It goes on for ever: it is cut where it is more than may be.
  const endless = callBy(session)
  endless.stream.write(frame(Buffer.alloc(0), 4 * 1024 * 1024))
  endless.stream.write(Buffer.of(0x0a, 0xff, 0xff, 0xff, 0x7f, 0x0a, 0xff, 0xff, 0xff, 0x3f))
  const piece = Buffer.alloc(64 * 1024, 0x61)
  let isOver = false
  void endless.ended.then(() => {
    isOver = true
  })
  while (!isOver) {
    if (!endless.stream.writable) break
    if (!endless.stream.write(piece)) await Promise.race([once(endless.stream, 'drain'), endless.ended])
  }
  assert.notEqual((await endless.ended).code, '0')
  const { stream, ended } = callBy(session)
  stream.end(frame(message))
  assert.equal((await ended).code, '0', 'the connection goes on')
  session.destroy()
})

test('one who begins many calls and ends none keeps itself waiting, and nobody else', async () => {
  const root = server.root('default')
  await root.call('addProducer', { body: { producer: 'hostile' } })
  const hostile = await tokenOf({ actions: ['rows:write'], service: 'hostile' })
  const sessions = Array.from({ length: 4 }, () => connect(url, { ca }).on('error', () => undefined))
  const authorization = `Bearer ${hostile}`
  const calls = sessions.flatMap((session) =>
    Array.from({ length: 4 }, () => {
      const call = callBy(session, { authorization })
      call.stream.write(frame(Buffer.alloc(0), 1000))
      return call
    }),
  )
  // All but those that it may have under way are answered.
  let refused = 0
  await Promise.race([
    new Promise<void>((resolve) => {
      for (const { ended } of calls)
        void ended.then(({ message }) => {
          if (message.includes('ROWS_LIMITED')) refused += 1
          if (refused === 12) resolve()
        })
    }),
  ])
  const [outcome] = await senderWith(token)([await signRows(signer, ['beside'])], forever)
  assert.equal(outcome?.kind, 'admitted')
  for (const session of sessions) session.destroy()
})

/** A request over REST whose body is told to come, and does not; its answer. */
function begunBy(bearer: string): { readonly socket: Socket; readonly answer: Promise<string> } {
  const { hostname, port } = new URL(server.url)
  const socket = connectTcp({ host: hostname, port: Number(port) })
  const head = [
    'POST /api/v1/ingest/submissions HTTP/1.1',
    `Host: ${hostname}:${port}`,
    `Authorization: Bearer ${bearer}`,
  ]
  socket.write(`${head.join('\r\n')}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{`)
  const answer = once(socket, 'data').then(([piece]) => String(piece))
  answer.catch(() => undefined)
  return { socket, answer }
}

test('ING over REST one service holds its own places, whatever it begins, and is answered before it sent a body', async () => {
  const root = server.root('default')
  await root.call('addProducer', { body: { producer: 'trickling' } })
  const hostile = await tokenOf({ actions: ['rows:write'], service: 'trickling' })
  const begun = Array.from({ length: 100 }, () => begunBy(hostile))
  const refused = Promise.withResolvers<void>()
  let count = 0
  for (const { answer } of begun)
    void answer.then((said) => {
      assert.match(said, /^HTTP\/1\.1 429 .*retry-after: \d+.*ROWS_LIMITED/is)
      count += 1
      if (count === begun.length - 4) refused.resolve()
    })
  const send = httpSender({ url: server.url, token: () => token })
  const [outcome] = await send([await signRows(signer, ['beside it'])], forever)
  assert.equal(outcome?.kind, 'admitted')
  await refused.promise
  const [later] = await senderWith(token)([await signRows(signer, ['and later'])], forever)
  assert.equal(later?.kind, 'admitted')
  for (const { socket } of begun) socket.destroy()
})
