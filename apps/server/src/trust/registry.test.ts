// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rfc3339 } from '@sealwatch/base'
import { generateSigner } from '@sealwatch/keys'
import { openStore } from '../store/index.ts'
import { openKeyRegistry } from './index.ts'
import { enterKey, hostKeyRow } from './test/host-key.ts'

async function rooms() {
  const store = openStore(':memory:')
  const open = () => openKeyRegistry({ store, versionOf: () => 7 })
  return { store, open, [Symbol.asyncDispose]: () => store.close() }
}

test('ING-1 a host’s key is known in its tenant and in the cluster’s, where its lines go too, and in no other', async () => {
  await using it = await rooms()
  const signer = generateSigner()
  const keys = await it.open()
  await enterKey(it.store, keys, hostKeyRow(signer, { hostId: 'h', tenant: 'acme' }))
  for (const held of [keys, await it.open()]) {
    assert.equal(held.of('acme').key(signer.keyId)?.producer, 'h')
    assert.equal(held.of('cluster').key(signer.keyId)?.tenant, 'acme')
    assert.equal(held.of('cluster').producer('host', 'h')?.tenant, 'acme')
    assert.equal(held.of('globex').key(signer.keyId), undefined)
    assert.equal(held.of('acme').version, 7)
  }
})

test('ING-2 the keys of a revoked host count no more at once, and what was judged before is known to be old', async () => {
  await using it = await rooms()
  const [one, other] = [generateSigner(), generateSigner()]
  const keys = await it.open()
  await enterKey(it.store, keys, hostKeyRow(one, { hostId: 'h', tenant: 'acme' }))
  await enterKey(it.store, keys, hostKeyRow(other, { hostId: 'i', tenant: 'acme' }))
  const { edition } = keys.of('acme')
  keys.hostRevoked('h', rfc3339(5n))
  assert.notEqual(keys.of('acme').edition, edition)
  assert.equal(keys.of('acme').key(one.keyId)?.revokedAt, rfc3339(5n))
  assert.equal(keys.of('cluster').key(one.keyId)?.revokedAt, rfc3339(5n))
  assert.equal(keys.of('acme').key(other.keyId)?.revokedAt, null)
})

test('ING-1 in one tenant no key stands twice; hosts’ keys outlast their tenant, and stay refused', async () => {
  await using it = await rooms()
  const signer = generateSigner()
  const keys = await it.open()
  const row = hostKeyRow(signer, { hostId: 'h', tenant: 'acme' })
  await enterKey(it.store, keys, row)
  await assert.rejects(enterKey(it.store, keys, { ...row, key_id: 'another' }), /UNIQUE/)
  await assert.rejects(enterKey(it.store, keys, { ...row, public_key: '00' }), /UNIQUE/)
  await it.store.forget('acme')
  assert.equal((await it.open()).of('cluster').key(signer.keyId)?.producer, 'h')
})
