// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { verifyEd25519 } from '@sealwatch/keys'
import { bundleOf, openSampleLedger, sampleHost, sealTenant, temporary, vkeys } from '../test/sample.ts'
import { openBlockReaders } from './block-readers.ts'
import { sha256 } from './sha256.ts'
import { verifyBundle } from './verify/bundle.ts'

test('LOG-7 threads that read ahead find what one alone finds, good or altered', async () => {
  await using dir = await temporary()
  const tenant = await openSampleLedger(dir.path)
  const root = await openSampleLedger(dir.path, 'root')
  const host = sampleHost(1)
  await tenant.append({ own: { key: host.key } })
  for (let i = 0; i < 6; i += 1) await tenant.append(host.verified(host.batch(200)))
  const sealed = await sealTenant(tenant, root)
  const bundle = await bundleOf(tenant, sealed, [{ from: 0, to: sealed.checkpoint.size }])
  await tenant.close()
  await root.close()
  await using readers = openBlockReaders(2)
  const checks = { sha256, verify: verifyEd25519, trust: vkeys }
  async function* inPieces(bytes: Uint8Array) {
    for (let at = 0; at < bytes.length; at += 65_536) yield bytes.slice(at, at + 65_536)
  }
  const good = await verifyBundle(inPieces(bundle), { ...checks, blockReader: readers })
  assert.ok(good.ok, JSON.stringify(good.problem))
  assert.deepEqual(good, await verifyBundle(inPieces(bundle), checks))
  for (const share of [0.2, 0.5, 0.99]) {
    const altered = Buffer.from(bundle)
    const at = Math.floor(share * altered.length)
    altered[at] = (altered[at] as number) ^ 1
    const found = await verifyBundle(inPieces(altered), { ...checks, blockReader: readers })
    assert.equal(found.ok, false)
    assert.deepEqual(found, await verifyBundle(inPieces(altered), checks))
  }
})
