// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rfc3339 } from '@sealwatch/base'
import { type Evidence, judgeKey, reasons, type SigningKey } from './index.ts'

const at = (second: number) => rfc3339(BigInt(second) * 1_000_000_000n)
const key: SigningKey = {
  tenant: 'acme',
  keyId: 'k1',
  kind: 'service',
  producer: 'billing',
  algorithm: 'ed25519',
  publicKey: '00',
  validFrom: at(100),
  validUntil: at(200),
  revokedAt: null,
  endedAt: null,
  compromisedSince: null,
  state: 'active',
  source: 'api',
}
const owner = { kind: 'service', producer: 'billing' } as const
const judge = (change: Partial<SigningKey> | undefined, receivedAt: string, verify: Evidence['verify'] = () => true) =>
  judgeKey(change && { ...key, ...change }, owner, { receivedAt, verify })?.reason

test('ING-2 a window is half-open: its first moment counts, its end does not', () => {
  assert.equal(judge({}, at(100)), undefined)
  assert.equal(judge({}, rfc3339(100_000_000_000n - 1n)), 'key_not_yet_valid')
  assert.equal(judge({}, rfc3339(200_000_000_000n - 1n)), undefined)
  assert.equal(judge({}, at(200)), 'key_expired')
  assert.equal(judge({ validUntil: null }, at(1e9)), undefined)
})

test('ING-2 a key of another producer, of a host of the same name, or one that was not promoted is unknown, and nothing is verified', () => {
  const never = () => assert.fail('a signature was looked at')
  const others = [
    undefined,
    { producer: 'ledger' },
    { kind: 'host' },
    { state: 'candidate' },
    { state: 'staged' },
  ] as const
  for (const change of others) assert.equal(judge(change, at(150), never), 'unknown_key')
})

test('ING-2 what was received before a revocation stays good, unless the key was somebody else’s by then', () => {
  const revokedAt = at(180)
  assert.equal(judge({ revokedAt }, at(179)), undefined)
  assert.equal(judge({ revokedAt }, at(180)), 'key_revoked')
  assert.equal(judge({ revokedAt, compromisedSince: at(150) }, at(149)), undefined)
  assert.equal(judge({ revokedAt, compromisedSince: at(150) }, at(150)), 'key_revoked')
})

test('ING-2 of several reasons the first in the fixed order is given', () => {
  const worst = { revokedAt: at(10), validFrom: at(500), validUntil: at(20) }
  const wrong = () => false
  const seen = [
    judge(undefined, at(300), wrong),
    judge(worst, at(300), wrong),
    judge(worst, at(300)),
    judge({ ...worst, revokedAt: null }, at(300)),
    judge({ ...worst, revokedAt: null, validFrom: at(0) }, at(300)),
  ]
  assert.deepEqual(seen, [...reasons])
})
