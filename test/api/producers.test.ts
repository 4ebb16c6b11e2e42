// SPDX-License-Identifier: Apache-2.0
// Services and their keys, as admins of a tenant handle them: the whole control plane.

import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { after, before, test } from 'node:test'
import type { ApiClient } from '@sealwatch/contract/api'
import { generateSigner } from '@sealwatch/keys'
import { joinHost } from './host.ts'
import { startServer, type TestServer } from './server.ts'

let server: TestServer
let root: ApiClient
before(async () => {
  server = await startServer()
  root = server.root('default')
  for (const producer of ['billing', 'orders']) await root.call('addProducer', { body: { producer } })
})
after(() => server[Symbol.asyncDispose]())

const raw = () => generateSigner().publicKey.toBase64()
const pem = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }) as string
const add = (body: object, producer = 'billing') =>
  root.call('addSigningKey', {
    params: { producer },
    body: { algorithm: 'ed25519', public_key: raw(), ...body } as never,
  })
const says = (code: string, received?: RegExp) => (error: unknown) => {
  const { problem } = error as { problem: { code: string; received?: string } }
  assert.equal(problem.code, code)
  if (received !== undefined) assert.match(problem.received ?? '', received)
  return true
}

/** Lines of the ledger about keys, of one key. */
async function linesOf(keyId: string) {
  const { items } = await root.call('listEvents', { query: { filter: 'kind=registry', limit: 100 } })
  const lines = items.map(({ line }) => (line as unknown as { registry: Record<string, unknown> }).registry)
  return lines.filter((line) => line.key_id === keyId).toReversed()
}

test('ING-1 a key is added, ended and revoked, and each change is a line with the whole key', async () => {
  const public_key = raw()
  const added = await add({
    key_id: 'https://billing.example/keys#1',
    public_key,
    valid_from: '2026-11-01T02:00:00.5+02:00',
  })
  assert.equal(typeof added.ledger.leaf_index, 'number')
  const params = { key_id: 'https://billing.example/keys#1' }
  const key = await root.call('getSigningKey', { params })
  assert.deepEqual(
    [key.public_key, key.valid_from, key.valid_until, key.state, key.source],
    [Buffer.from(public_key, 'base64').toString('hex'), '2026-11-01T00:00:00.500000000Z', null, 'active', 'api'],
  )
  await root.call('setSigningKeyWindow', { params, body: { valid_until: '2026-12-01T00:00:00Z' } })
  await root.call('revokeSigningKey', { params, body: { cause: 'found', compromised_since: '2026-11-02T00:00:00Z' } })
  const lines = await linesOf(params.key_id)
  assert.deepEqual(
    lines.map(({ change, valid_until, cause, compromised_since }) => [change, valid_until, cause, compromised_since]),
    [
      ['added', null, null, null],
      ['window', '2026-12-01T00:00:00.000000000Z', null, null],
      ['revoked', '2026-12-01T00:00:00.000000000Z', 'found', '2026-11-02T00:00:00.000000000Z'],
    ],
  )
  const shown = await root.call('getProducer', { params: { producer: 'billing' } })
  assert.equal(shown.signing_keys[0]?.compromised_since, '2026-11-02T00:00:00.000000000Z')
  await assert.rejects(root.call('revokeSigningKey', { params, body: { cause: 'again' } }), says('SIGNING_KEY_REVOKED'))
  const again = root.call('setSigningKeyWindow', { params, body: { valid_until: null } })
  await assert.rejects(again, says('SIGNING_KEY_REVOKED'))
})

test('ING-1 two keys under one id, and one key under two ids, are refused, and both are named', async () => {
  const public_key = raw()
  await add({ key_id: 'one', public_key })
  await assert.rejects(add({ key_id: 'one' }, 'orders'), says('SIGNING_KEY_TAKEN', /the id one, .*the service billing/))
  await assert.rejects(add({ key_id: 'two', public_key }), says('SIGNING_KEY_TAKEN', /the id two .*under one/))
  const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), Buffer.from(public_key, 'base64')])
  await assert.rejects(
    add({ key_id: 'two', public_key: der.toString('base64') }, 'orders'),
    says('SIGNING_KEY_TAKEN', /under one/),
    'in another encoding too',
  )
  await using host = await joinHost(server, 'default', 'host-with-key')
  const { items } = await root.call('listSigningKeys', { query: { producer: host.hostId } })
  const hosts = Buffer.from(items[0]?.public_key ?? '', 'hex').toString('base64')
  await assert.rejects(add({ key_id: 'of-a-host', public_key: hosts }), says('SIGNING_KEY_TAKEN', /the host /))
  const params = { key_id: items[0]?.key_id ?? '' }
  await assert.rejects(
    root.call('revokeSigningKey', { params, body: { cause: 'x' } }),
    says('SIGNING_KEY_ELSEWHERE', /enrolment/),
  )
})

test('ING-1 what is no key for its algorithm is refused with what is wrong', async () => {
  const small = generateKeyPairSync('rsa', { modulusLength: 1024 })
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const curve = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const weak = Buffer.alloc(32).toString('base64')
  const now = '2026-11-22T00:00:00Z'
  const cases: readonly (readonly [object, string, RegExp])[] = [
    [{ algorithm: 'hmac-sha256' }, 'SIGNING_KEY_SHARED', /hmac/],
    [{ algorithm: 'HS256' }, 'SIGNING_KEY_SHARED', /HS256/],
    [{ algorithm: 'ed448' }, 'SIGNING_KEY_INVALID', /the algorithm ed448/],
    [{ algorithm: 'rsa-sha256', public_key: pem(small.publicKey) }, 'SIGNING_KEY_INVALID', /rsa of 1024 bits/],
    [{ algorithm: 'rsa-sha256' }, 'SIGNING_KEY_INVALID', /bytes|no public key/],
    [{ public_key: pem(rsa.publicKey) }, 'SIGNING_KEY_INVALID', /rsa of 2048 bits, for ed25519/],
    [{ public_key: pem(curve.publicKey) }, 'SIGNING_KEY_INVALID', /^"?ec/],
    [{ public_key: weak }, 'SIGNING_KEY_INVALID', /0{64}/],
    [{ public_key: raw().slice(4) }, 'SIGNING_KEY_INVALID', /./],
    [{ public_key: 'not a key' }, 'SIGNING_KEY_INVALID', /neither PEM nor base64/],
    [{ public_key: '-----BEGIN PUBLIC KEY-----' }, 'SIGNING_KEY_INVALID', /a PEM that is no public key/],
    [
      { algorithm: 'rsa-sha256', public_key: rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }) },
      'SIGNING_KEY_INVALID',
      /a private key/,
    ],
    [{ valid_from: now, valid_until: now }, 'SIGNING_KEY_INVALID', /a window from/],
    [{ valid_from: now, valid_until: '2026-11-21T00:00:00Z' }, 'SIGNING_KEY_INVALID', /a window from/],
    [{ valid_until: '2026-02-30T00:00:00Z' }, 'SIGNING_KEY_INVALID', /the time 2026-02-30/],
    [{ valid_until: 'tomorrow' }, 'SIGNING_KEY_INVALID', /the time tomorrow/],
    [{ key_id: 'a b' }, 'SIGNING_KEY_INVALID', /the id/],
    [{ key_id: 'schlüssel' }, 'SIGNING_KEY_INVALID', /the id/],
  ]
  for (const [body, code, received] of cases)
    await assert.rejects(add({ key_id: 'bad', ...body }), says(code, received), JSON.stringify(body))
  await assert.rejects(add({ key_id: 'x' }, 'nobody'), says('PRODUCER_UNKNOWN'))
  await assert.rejects(root.call('addProducer', { body: { producer: 'billing' } }), says('PRODUCER_EXISTS'))
  assert.deepEqual(await linesOf('bad'), [])
  await add({ key_id: 'rsa', algorithm: 'rsa-sha256', public_key: pem(rsa.publicKey) })
})

test('ING-7 a service and a host are halted and resumed; nobody else may', async () => {
  const params = { producer: 'orders' }
  await root.call('haltProducer', { params, body: { cause: 'signs wrong bytes' } })
  const { halted_at, halted_by } = await root.call('getProducer', { params })
  assert.ok(halted_at !== null && halted_by === 'operator:root')
  await root.call('resumeProducer', { params })
  assert.equal((await root.call('getProducer', { params })).halted_at, null)
  await assert.rejects(
    root.call('haltProducer', { params: { producer: 'nobody' }, body: { cause: 'x' } }),
    says('PRODUCER_UNKNOWN'),
  )
  const elsewhere = server.root('cluster').call('haltProducer', { params, body: { cause: 'x' } })
  await assert.rejects(elsewhere, says('PRODUCER_UNKNOWN'))
})
