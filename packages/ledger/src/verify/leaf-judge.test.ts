// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { verifyEd25519 } from '@sealwatch/keys'
import { openSampleLedger, origins, sampleHost, temporary } from '../../test/sample.ts'
import { sha256 } from '../sha256.ts'
import { createLeafJudge } from './leaf-judge.ts'
import { parseLine, type RegistryChange } from './line.ts'

const at = '2026-11-21T12:00:00.000000000Z'

test('ING-1 no head stands behind the line that revokes its key; one before it stays good', async () => {
  await using dir = await temporary()
  const ledger = await openSampleLedger(dir.path)
  const host = sampleHost(1)
  const { host_id, ...key } = host.key
  const revoked: RegistryChange = {
    ...key,
    change: 'revoked',
    changed_at: at,
    producer: host_id,
    producer_kind: 'host',
    revoked_at: at,
    cause: 'stolen',
    compromised_since: null,
    state: 'active',
    source: 'enrolment',
  }
  await ledger.append({ own: { key: host.key } })
  await ledger.append(host.verified(host.batch(1)))
  await ledger.append({ own: { registry: revoked } })
  await ledger.append(host.verified(host.batch(1)))
  const judge = createLeafJudge({ sha256, verify: verifyEd25519, tenant: 'default', origin: origins.tenant })
  const taken: number[] = []
  const take = async () => {
    for (const { index, line } of await ledger.read(0, ledger.size)) {
      judge.take(parseLine(sha256, line, 'testing'), 'testing')
      taken.push(index)
    }
  }
  await assert.rejects(take, { code: 'BUNDLE_ALTERED', message: /revoked before/ })
  // All but the last head.
  assert.deepEqual([taken.length, judge.counts.signedByHost], [ledger.size - 1, 3])
  await ledger.close()
})
