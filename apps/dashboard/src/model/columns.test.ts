// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { columnsOf } from './columns.ts'
import type { Picture } from './quarantine.ts'

const none = { unknown_key: 0, invalid_signature: 0, key_revoked: 0, key_not_yet_valid: 0, key_expired: 0 }
const picture = (bucket_seconds: number, rows: Readonly<Record<string, number>>): Picture => ({
  items: 1,
  rows: none,
  bucket_seconds,
  buckets: Object.entries(rows).map(([at, unknown_key]) => ({ at, rows: { ...none, unknown_key } })),
  producers: { groups: [], others: { names: 0, items: 0, rows: none } },
  keys: { groups: [], others: { names: 0, items: 0, rows: none } },
})

test('columns go from before the first to now, without a gap', () => {
  const nowMs = Date.parse('2026-11-22T07:05:30Z')
  const { seconds, columns, most } = columnsOf(
    picture(60, { '2026-11-22T07:00:00Z': 5, '2026-11-22T07:02:00Z': 9 }),
    nowMs,
  )
  assert.deepEqual([seconds, columns.length, most, columns.at(-1)?.at], [60, 24, 9, '2026-11-22T07:05:00Z'])
  assert.deepEqual(
    columns.slice(-6).map(({ total }) => total),
    [5, 0, 9, 0, 0, 0],
  )
  assert.deepEqual(columns[0]?.at, '2026-11-22T06:42:00Z')
})

test('what ended long ago has wider columns, and loses nothing', () => {
  const nowMs = Date.parse('2026-11-22T12:00:00Z')
  const rows = { '2026-11-22T07:00:00Z': 5, '2026-11-22T07:02:00Z': 9, '2026-11-22T07:05:00Z': 1 }
  const { seconds, columns } = columnsOf(picture(60, rows), nowMs)
  assert.deepEqual([seconds, columns.length], [360, 51])
  assert.deepEqual(columns[0]?.total, 15)
})

test('a clock that is behind the server’s, and nothing at all', () => {
  assert.equal(columnsOf(picture(60, { '2026-11-22T07:00:00Z': 5 }), 0).columns.at(-1)?.total, 5)
  const { most, columns } = columnsOf(picture(60, {}), 0)
  assert.deepEqual([most, columns.length], [0, 24])
})
