// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keyRows } from '../commands/signing-key.ts'
import { type RotatingKey, rotationTable } from './next.ts'

const now = '2026-11-22T09:00:00.000000000Z'
const key = (key_id: string, change: Partial<RotatingKey> = {}) =>
  ({
    key_id,
    producer: 'billing',
    producer_kind: 'service',
    algorithm: 'ed25519',
    valid_from: '2026-11-01T00:00:00.000000000Z',
    valid_until: null,
    revoked_at: null,
    tested_at: null,
    state: 'active',
    source: 'api',
    ...change,
  }) as RotatingKey & { source: string; producer_kind: string; algorithm: string }

const keys = [
  key('a', { state: 'candidate' }),
  key('b', { state: 'staged' }),
  key('c', { valid_until: '2026-11-22T09:00:00.000000001Z' }),
  key('d', { valid_until: now }),
  key('e', { revoked_at: '2026-11-22T08:00:00.000000000Z', valid_until: '2027-01-01T00:00:00.000000000Z' }),
]
const standings = ['candidate', 'staged', 'active', 'expired', 'revoked']

test('SIG-6: a key that is revoked or over is never shown as active, and one that does not count yet says so', () => {
  for (const table of [rotationTable(keys, now), keyRows(keys, now)])
    assert.deepEqual(
      table
        .trimEnd()
        .split('\n')
        .map((row) => row.split(/ {2,}/)[1]),
      ['STATE', ...standings],
    )
  assert.match(keyRows(keys, now), /^e {4,}revoked .* 2026-11-22 08:00:00 UTC +api$/m)
})
