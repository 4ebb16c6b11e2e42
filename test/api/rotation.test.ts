// SPDX-License-Identifier: Apache-2.0
// SIG-6: another key of a service, from candidate to active, over the whole control plane.

import assert from 'node:assert/strict'
import { sign } from 'node:crypto'
import { after, before, test } from 'node:test'
import { rfc3339, systemClock } from '@sealwatch/base'
import type { ApiClient } from '@sealwatch/contract/api'
import {
  digestOfChange,
  encodeKeyProbe,
  keyProbeType,
  type Manifest,
  manifestCrypto,
  preAuthEncoding,
} from '@sealwatch/keys'
import { makeTestKey, rootOf, signedManifest, signedRoot, type TestKey } from '@sealwatch/keys/test/manifest-keys'
import { startServer, type TestServer } from './server.ts'

let server: TestServer
let root: ApiClient
let deployment: string
const three = (['ed25519', 'rsa-sha256', 'ed25519'] as const).map(makeTestKey)

before(async () => {
  server = await startServer()
  root = server.root('default')
  for (const producer of ['billing', 'orders', 'drill-decoy']) await root.call('addProducer', { body: { producer } })
  deployment = (await server.root('cluster').call('listTrustRoots')).deployment
})
after(() => server[Symbol.asyncDispose]())

const says = (code: string, received?: RegExp) => (error: unknown) => {
  const { problem } = error as { problem: { code: string; received?: string } }
  assert.equal(problem.code, code)
  if (received !== undefined) assert.match(problem.received ?? '', received)
  return true
}
const add = (producer: string, key_id: string, { algorithm, spki }: TestKey, state: 'candidate' | 'active') =>
  root.call('addSigningKey', {
    params: { producer },
    body: { key_id, algorithm, public_key: spki.toBase64(), state },
  })
const signed = ({ algorithm, privateKey }: TestKey, message: Uint8Array) =>
  sign(algorithm === 'ed25519' ? null : 'sha256', message, privateKey).toString('base64')
async function prove(key_id: string, by: TestKey, change: object = {}) {
  const probe = await root.call('getKeyProbe', { params: { key_id } })
  const message = preAuthEncoding(keyProbeType, encodeKeyProbe({ ...probe, ...change }))
  return root.call('testSigningKey', { params: { key_id }, body: { signature: signed(by, message) } })
}
const promote = (key_id: string) => root.call('promoteSigningKey', { params: { key_id } })
const stage = (key_id: string) => root.call('stageSigningKey', { params: { key_id } })
const stateOf = async (key_id: string) => (await root.call('getSigningKey', { params: { key_id } })).state

async function agree(key_id: string, { spki }: TestKey, signers: readonly TestKey[], producer = 'billing') {
  const of = { key_id, producer, public_key: spki.toBase64() }
  const digest = digestOfChange({ action: 'key-promotion', tenant: 'default', ...of }, manifestCrypto)
  const now = systemClock.nowNs()
  const manifest: Manifest = {
    type: 'manifest',
    action: 'key-promotion',
    subject: key_id,
    digest,
    created: rfc3339(now),
    expires: rfc3339(now + 3_600_000_000_000n),
    nonce: crypto.randomUUID().replaceAll('-', ''),
    deployment,
  }
  const body = { envelope: signedManifest(manifest, signers) as never }
  return server.root('cluster').call('addManifestSignatures', { body })
}

/** The outcome of one row under a key. */
async function send(token: string, key_id: string, key: TestKey) {
  const payload = Buffer.from(`{"row":"${crypto.randomUUID()}"}`)
  const submission = {
    id: crypto.randomUUID(),
    form: 'detached',
    payload: payload.toString('base64'),
    payload_type: 'application/json',
    key_id,
    algorithm: key.algorithm,
    signature: signed(key, payload),
  } as const
  const { outcomes } = await server.by(token).call('submitRows', { body: { submissions: [submission] } })
  return outcomes[0] as { outcome: string; reason?: string }
}

test('SIG-6 without a trust root an admin adds keys as ever, and nothing is promoted but of a decoy', async () => {
  const [first, next, decoy] = [makeTestKey('ed25519'), makeTestKey('rsa-sha256'), makeTestKey('ed25519')]
  await add('orders', 'orders-1', first, 'active')
  await add('orders', 'orders-2', next, 'active')
  const third = makeTestKey('ed25519')
  await add('orders', 'orders-3', third, 'candidate')
  await prove('orders-3', third)
  await stage('orders-3')
  await assert.rejects(promote('orders-3'), says('MANIFEST_NO_ROOT'))
  await add('drill-decoy', 'decoy-1', decoy, 'candidate')
  await prove('decoy-1', decoy)
  await stage('decoy-1')
  await promote('decoy-1')
  assert.equal(await stateOf('decoy-1'), 'active')
})

test('SIG-6 SIG-5 a key counts once it was tested, staged and promoted by enough people, and not before', async () => {
  const cluster = server.root('cluster')
  await cluster.call('installTrustRoot', { body: { envelope: signedRoot(rootOf(1, three, 2), three) as never } })
  const [old, next, other] = [makeTestKey('ed25519'), makeTestKey('rsa-sha256'), makeTestKey('ed25519')]
  await add('billing', 'billing-1', old, 'active')
  await assert.rejects(add('billing', 'billing-2', next, 'active'), says('SIGNING_KEY_PROMOTION', /billing-1/))
  const asked = { name: 'billing', actions: ['rows:write'], ttl_seconds: 600, service: 'billing' }
  const { token } = await root.call('createToken', { body: asked as never })

  await add('billing', 'billing-2', next, 'candidate')
  assert.equal((await send(token, 'billing-2', next)).reason, 'unknown_key')
  await assert.rejects(stage('billing-2'), says('SIGNING_KEY_UNTESTED'))
  await assert.rejects(promote('billing-2'), says('SIGNING_KEY_STATE', /candidate/))
  await assert.rejects(prove('billing-2', other), says('SIGNING_KEY_UNTESTED'), 'by another key')
  for (const change of [{ tenant: 'acme' }, { producer: 'orders' }, { key_id: 'billing-3' }, { deployment: 'x' }])
    await assert.rejects(prove('billing-2', next, change), says('SIGNING_KEY_UNTESTED'), JSON.stringify(change))
  await prove('billing-2', next)
  await prove('billing-2', next)
  await stage('billing-2')
  await assert.rejects(stage('billing-2'), says('SIGNING_KEY_STATE', /staged/))
  assert.equal((await send(token, 'billing-2', next)).reason, 'unknown_key', 'a staged key does not count')

  await assert.rejects(promote('billing-2'), says('MANIFEST_REQUIRED'))
  await agree('billing-2', next, three.slice(0, 1))
  await assert.rejects(promote('billing-2'), says('MANIFEST_UNVERIFIED', /1 .* of 2/))
  await agree('billing-2', other, three)
  await assert.rejects(promote('billing-2'), says('MANIFEST_UNVERIFIED'), 'one for another public key')
  await agree('billing-2', next, three, 'orders')
  await assert.rejects(promote('billing-2'), says('MANIFEST_UNVERIFIED'), 'one for another service')
  await agree('billing-2', next, three.slice(1))
  await promote('billing-2')
  assert.equal(await stateOf('billing-2'), 'active')
  await assert.rejects(promote('billing-2'), says('SIGNING_KEY_STATE', /active/))
  for (const [id, key] of [
    ['billing-1', old],
    ['billing-2', next],
  ] as const)
    assert.equal((await send(token, id, key)).outcome, 'admitted', `${id}: both count for a while`)

  const { items } = await root.call('getRotation', { params: { producer: 'billing' } })
  assert.deepEqual(
    items.map(({ key_id, state, tested_at }) => [key_id, state, tested_at !== null]),
    [
      ['billing-1', 'active', false],
      ['billing-2', 'active', true],
    ],
  )
  const { items: lines } = await root.call('listEvents', { query: { filter: 'kind=registry', limit: 100 } })
  const told = lines
    .map(({ line }) => (line as unknown as { registry: { key_id: string; change: string; state: string } }).registry)
    .filter(({ key_id }) => key_id === 'billing-2')
    .map(({ change, state }) => `${change} ${state}`)
  assert.deepEqual(told.toReversed(), ['added candidate', 'state staged', 'state active'])
  const { items: acts } = await root.call('listEvents', { query: { filter: 'source=server', limit: 100 } })
  type Act = { event?: { metadata: { event_code: string }; unmapped: { signatures_counted?: string[] } } }
  const promoted = acts
    .map(({ line }) => (line as unknown as Act).event)
    .filter((event) => event?.metadata.event_code === 'signing_key_promoted')
  assert.deepEqual(
    promoted[0]?.unmapped.signatures_counted?.toSorted(),
    three
      .slice(1)
      .map(({ keyid }) => keyid)
      .toSorted(),
  )
})
