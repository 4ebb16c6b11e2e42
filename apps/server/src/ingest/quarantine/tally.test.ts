// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '@sealwatch/base'
import { createPictures } from './pictures.ts'
import { createTally, type Tallied } from './tally.ts'

const startMs = Date.parse('2026-11-22T07:00:30Z')
const minuteMs = 60_000
const item = (change: Partial<Tallied> = {}): Tallied => ({
  reason: 'unknown_key',
  producer: 'service:billing',
  key: 'billing-2',
  atMs: startMs,
  rows: 10,
  ...change,
})
const total = (rows: Readonly<Record<string, number>>) => Object.values(rows).reduce((sum, count) => sum + count, 0)

test('ING-4 what waits is told by reason over time, by producer and by key', () => {
  const tally = createTally()
  tally.add(item())
  tally.add(item({ reason: 'key_expired', atMs: startMs + 2 * minuteMs, key: null }))
  tally.add(item({ producer: 'host-1', rows: 50 }))
  const { items, rows, bucketSeconds, buckets, producers, keys } = tally.picture()
  assert.deepEqual([items, rows.unknown_key, rows.key_expired, bucketSeconds], [3, 60, 10, 60])
  assert.deepEqual(
    buckets.map(({ at, rows }) => [at.slice(11, 16), rows.unknown_key, rows.key_expired]),
    [
      ['07:00', 60, 0],
      ['07:02', 0, 10],
    ],
  )
  assert.deepEqual(
    producers.groups.map(({ name, rows }) => [name, total(rows)]),
    [
      ['host-1', 50],
      ['service:billing', 20],
    ],
  )
  assert.deepEqual(
    keys.groups.map(({ name }) => name),
    ['billing-2', null],
  )
})

test('ING-4 however much waits, over years and under ten thousand keys and more, a picture is small and adds up', () => {
  const tally = createTally()
  const count = 12_000
  for (let i = 0; i < count; i += 1) tally.add(item({ atMs: startMs + i * 3_600_000, key: `k${i}`, rows: 1 }))
  const { items, buckets, keys } = tally.picture()
  assert.equal(items, count)
  assert.ok(buckets.length <= 60, `${buckets.length} buckets`)
  assert.equal(
    buckets.reduce((sum, { rows }) => sum + total(rows), 0),
    count,
  )
  assert.deepEqual([keys.groups.length, keys.others.names], [12, count - 12])
  assert.equal(total(keys.others.rows), count - 12)
})

test('ING-4 whoever asks while a picture is taken, or soon after, gets that one; another tenant another', async () => {
  const asked: string[] = []
  const rows = Array.from({ length: 2_001 }, (_, leaf) => ({
    ...{ leaf, host_id: 'h', signing_key_id: null, quarantined_at: '2026-11-22T07:00:30Z', first_seq: 0, next_seq: 3 },
  }))
  const clock = { ...systemClock, ms: 0, nowMs: () => clock.ms }
  const glanceAt = async (tenant: string, reason: string, after: number, max: number) => {
    if (reason !== 'unknown_key') return []
    clock.ms += 100
    asked.push(`${tenant} ${after}`)
    return tenant === 'acme' ? rows.filter(({ leaf }) => leaf > after).slice(0, max) : []
  }
  const pictureOf = createPictures({ glanceAt }, clock)
  const all = await Promise.all([pictureOf('acme', {}), pictureOf('acme', {}), pictureOf('zeta', {})])
  assert.deepEqual(
    all.map(({ items, rows: of }) => [items, total(of)]),
    [
      [2_001, 6_003],
      [2_001, 6_003],
      [0, 0],
    ],
  )
  assert.deepEqual(asked, ['acme -1', 'acme 1999', 'zeta -1'])
  clock.ms += 3_000
  await pictureOf('acme', {})
  assert.equal(asked.length, 3, 'it took 200 ms, and stands for 4 s')
  clock.ms += 1_000
  assert.equal((await pictureOf('acme', { producer: 'other' })).items, 0)
  assert.equal((await pictureOf('acme', {})).items, 2_001)
  assert.equal(asked.length, 7)
})
