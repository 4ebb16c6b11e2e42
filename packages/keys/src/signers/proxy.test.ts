// SPDX-License-Identifier: Apache-2.0
// The client against proxies that lie, stammer and fall silent; against ours it is tested in apps/signing-proxy.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, test } from 'node:test'
import { type Clock, systemClock } from '@sealwatch/base'
import { mockKey } from './mock.ts'
import { prepareProxy } from './proxy.ts'
import { secretOf } from './secret.ts'
import type { AuditSigner } from './signer.ts'

const { signal } = new AbortController()
const [key, other] = [mockKey('ed25519', 'a'), mockKey('ed25519', 'b')]
const message = Buffer.from('a message')
const base64 = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString('base64')
const about = ({ keyId, publicKey }: AuditSigner, over: object = {}) => ({
  algorithm: 'ed25519',
  backend: 'file',
  key_id: keyId,
  public_key: base64(publicKey),
  ...over,
})

type Answer = (request: IncomingMessage, response: ServerResponse) => void
const json =
  (body: unknown, status = 200): Answer =>
  (_request, response) =>
    response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body))
const signed = async (by: AuditSigner, keyId = by.keyId) =>
  json({ algorithm: 'ed25519', key_id: keyId, signature: base64(await by.sign(message, signal)) })

let answers: Record<string, Answer>
const server = createServer((request, response) => {
  request.resume()
  const answer = answers[request.url ?? ''] ?? json({ code: 'X', message: 'no such path' }, 404)
  answer(request, response)
})
beforeEach(async () => {
  answers = { '/key': json(about(key)), '/healthz': json({ status: 'ok' }) }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
})
afterEach(async () => {
  server.closeAllConnections()
  server.close()
  await once(server, 'close')
})

async function open(
  over: { required?: boolean; algorithm?: 'ed25519' | 'hmac-sha256' } = {},
  clock: Clock = systemClock,
) {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const auth = { kind: 'api-key', apiKey: secretOf('swp_key') } as const
  const options = { algorithm: 'ed25519', url, auth, caFile: undefined, required: false, clock, ...over } as const
  return (await prepareProxy(options))(signal)
}

test('a signature that does not hold, of another key, or that is none, is not passed on', async () => {
  const signer = await open()
  answers['/sign/canonical'] = await signed(key)
  assert.ok(await signer.verify(message, await signer.sign(message, signal), signal))
  const lies = [
    await signed(other, key.keyId),
    await signed(other),
    await signed(key, other.keyId),
    json({ key_id: key.keyId, signature: 'no base64!' }),
    json({ key_id: key.keyId }),
    json({ key_id: key.keyId, signature: base64(new Uint8Array(64)) }),
  ]
  for (const lie of lies) {
    answers['/sign/canonical'] = lie
    await assert.rejects(signer.sign(message, signal), { code: 'SIGNER_FALSE' })
  }
  await signer.close()
})

test('what a proxy says of its key must hang together, and be what was configured', async () => {
  const cases: [object, string][] = [
    [about(key, { key_id: other.keyId }), 'SIGNER_FALSE'],
    [about(key, { key_id: 'AB' }), 'SIGNER_FALSE'],
    [about(key, { public_key: null }), 'SIGNER_FALSE'],
    [about(key, { algorithm: 'rsa-sha256' }), 'SIGNER_KEY_UNFIT'],
    [{}, 'SIGNER_FALSE'],
  ]
  for (const [body, code] of cases) {
    answers['/key'] = json(body)
    await assert.rejects(open(), { code }, JSON.stringify(body))
  }
  answers['/key'] = json(about(key, { backend: 'mock' }))
  await assert.rejects(open({ required: true }), { code: 'SIGNER_FORBIDDEN' })
})

test('refusals end it, what passes may be tried again, and neither is mistaken for the other', async () => {
  const signer = await open()
  const cases: [number, string][] = [
    [400, 'SIGNER_REFUSED'],
    [401, 'SIGNER_REFUSED'],
    [403, 'SIGNER_REFUSED'],
    [413, 'SIGNER_REFUSED'],
    [429, 'SIGNER_UNAVAILABLE'],
    [500, 'SIGNER_UNAVAILABLE'],
    [503, 'SIGNER_UNAVAILABLE'],
  ]
  for (const [status, code] of cases) {
    answers['/sign/canonical'] = json({ code: 'PROXY_X', message: 'so it is' }, status)
    await assert.rejects(signer.sign(message, signal), { code, received: new RegExp(`${status} PROXY_X: so it is`) })
  }
  for (const text of ['', 'Bad gateway', '[]', '"x"', 'x'.repeat(70_000)]) {
    answers['/sign/canonical'] = json(text)
    await assert.rejects(signer.sign(message, signal), { code: 'SIGNER_UNAVAILABLE' })
  }
  answers['/sign/canonical'] = (request) => request.socket.destroy()
  await assert.rejects(signer.sign(message, signal), { code: 'SIGNER_UNAVAILABLE' })
  await signer.close()
})

test('a connection that was closed between two calls costs nothing', async () => {
  const signer = await open()
  answers['/sign/canonical'] = await signed(key)
  await signer.sign(message, signal)
  server.closeIdleConnections()
  assert.ok(await signer.verify(message, await signer.sign(message, signal), signal))
  await signer.close()
})

test('a proxy that falls silent costs the deadline and no more', async () => {
  let late: (() => void) | undefined
  const clock: Clock = {
    ...systemClock,
    sleep: (_ms, stop) =>
      new Promise((resolve) => {
        late = resolve
        stop?.addEventListener('abort', () => resolve(), { once: true })
      }),
  }
  const signer = await open({}, clock)
  const asked = Promise.withResolvers<void>()
  answers['/sign/canonical'] = () => asked.resolve()
  const waiting = signer.sign(message, signal)
  await asked.promise
  late?.()
  await assert.rejects(waiting, { code: 'SIGNER_UNAVAILABLE', received: /no answer within 10000 ms/ })
  await signer.close()
})

test('SIG-4 the probe names what is wrong: the health, the key, or that nobody answers', async () => {
  const signer = await open()
  await signer.probe(signal)
  answers['/key'] = json(about(other))
  await assert.rejects(signer.probe(signal), { code: 'SIGNER_FALSE', received: new RegExp(other.keyId) })
  answers['/healthz'] = json({ status: 'degraded', failing: ['signer-aws-kms'] }, 503)
  await assert.rejects(signer.probe(signal), { code: 'SIGNER_UNAVAILABLE' })
  await signer.close()
})

test('hmac-sha256: only the proxy can verify, and no false word of it passes for yes', async () => {
  const tag = mockKey('hmac-sha256', 'a')
  answers['/key'] = json({ algorithm: 'hmac-sha256', backend: 'file', key_id: tag.keyId, public_key: null })
  const signer = await open({ algorithm: 'hmac-sha256' })
  assert.equal(signer.publicKey, undefined)
  const signature = await tag.sign(message, signal)
  for (const [body, expected] of [
    [{ valid: true }, true],
    [{ valid: false }, false],
    [{ valid: 'true' }, false],
    [{}, false],
  ] as const) {
    answers['/verify'] = json(body)
    assert.equal(await signer.verify(message, signature, signal), expected)
  }
  assert.equal(await signer.verify(message, signature.subarray(1), signal), false)
  await signer.close()
})
