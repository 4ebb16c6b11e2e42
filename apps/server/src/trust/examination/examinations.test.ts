// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock as clock, createLog, rfc3339 } from '@sealwatch/base'
import type { Ledger } from '@sealwatch/ledger'
import type { Authorised } from '../../access/index.ts'
import { createOutbox, openStore } from '../../store/index.ts'
import { createKeyExaminations } from './examinations.ts'

const log = createLog('test', () => undefined, clock.nowMs)
const voice = { device: { uid: 'd', hostname: 'h', type_id: 0, type: 'Unknown', os: {} }, version: '0' } as never
const by = (tenant: string) =>
  ({
    principal: { kind: 'operator', id: 'root' },
    action: 'producer:manage',
    tenant,
    requestId: 'r',
  }) as Authorised<'producer:manage'>

test('SIG-6 no tenant keeps the keys of another from being examined, however much it has under way', async (t) => {
  const store = openStore(':memory:')
  t.after(() => store.close())
  const names = [1, 2, 3, 4].flatMap((n) => ['acme', 'globex'].map((tenant) => ({ tenant, key_id: `key-${n}` })))
  await store.transaction(async (tx) => {
    for (const { tenant, key_id } of names) {
      const [kind, state, source] = ['service', 'active', 'api'] as const
      const times = { valid_from: rfc3339(0n), valid_until: null, revoked_at: null, ended_at: null }
      const public_key = `${tenant}-${key_id}`
      const key = {
        tenant,
        key_id,
        producer: 'billing',
        producer_kind: kind,
        algorithm: 'ed25519' as const,
        public_key,
      }
      await tx
        .insertInto('signing_keys')
        .values({ ...key, ...times, state, source })
        .execute()
    }
  })
  // One that goes on and on.
  const never: Ledger['readChecked'] = () => new Promise(() => undefined)
  const examinations = createKeyExaminations({
    store,
    outbox: createOutbox(store, clock),
    voice,
    clock,
    log,
    origin: 'o',
    ledgerOf: () => ({ size: 10, origin: 'o', readChecked: never, rootAt: () => new Uint8Array(32) }),
    sign: () => assert.fail(),
  })
  const begun = async (tenant: string, keyId: string) => {
    try {
      return (await examinations.begin(by(tenant), keyId)).state
    } catch (error) {
      return (error as { code: string }).code
    }
  }
  const told: string[] = []
  for (const tenant of ['acme', 'globex'])
    for (const n of [1, 2, 3]) told.push(`${tenant} ${await begun(tenant, `key-${n}`)}`)
  const full = 'KEY_EXAMINATION_UNDER_WAY'
  assert.deepEqual(told, [
    'acme running',
    'acme running',
    `acme ${full}`,
    'globex running',
    'globex running',
    `globex ${full}`,
  ])
  assert.equal(await begun('acme', 'key-1'), 'running', 'that of a key is the one under way')
})
