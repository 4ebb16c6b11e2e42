// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { test } from 'node:test'
import type { Compilable } from 'kysely'
import { openStore, type Store, spanLeaves } from '../store/index.ts'
import { openIndexHere } from './index.ts'
import { type LeafQuery, leavesBySpan, leavesOfKinds, ownLeaves } from './index-queries.ts'

const [host, own] = ['0f', 'ff'].map((byte) => (byte as string).repeat(16)) as [string, string]
const tenant = 'default'
const count = 3 * spanLeaves
const rare = [5, 1500, 2900]

/** An event a second; those of the second span are an hour late, so times are not in the order of the leaves. */
const timeOf = (leaf: number) => 1000 * (leaf + (Math.floor(leaf / spanLeaves) === 1 ? 3600 : 0))
const classOf = (leaf: number) => (rare.includes(leaf) ? 1008 : 1007)

function lineOf(leaf: number): string {
  const time = new Date(timeOf(leaf)).toISOString().replace('Z', '000000Z')
  const chain = leaf === 2000 ? own : host
  const body = leaf === 700 ? '"head":{"note":"n"}' : `"event":{"class_uid":${classOf(leaf)}}`
  return `{"chain":"${chain}","epoch":1,${body},"prev":"${'0'.repeat(64)}","seq":${leaf},"time":"${time}","v":2}\n`
}

async function openIndexed(dir: string): Promise<Store> {
  const store = openStore(dir)
  const index = openIndexHere(store.indexPath)
  const ndjson = Buffer.from(Array.from({ length: count }, (_, leaf) => lineOf(leaf)).join(''))
  // In pieces that end within a span.
  for (let first = 0, at = 0; first < count; first += 500) {
    const lines = Math.min(500, count - first)
    let end = at
    for (let i = 0; i < lines; i += 1) end = ndjson.indexOf('\n', end) + 1
    const stretch = { count: lines, marks: undefined, ndjson: ndjson.subarray(at, end) }
    await index.write({ tenant, ownChain: own, first, stretch, side: [], sideNext: 0 })
    at = end
  }
  await index.close()
  return store
}

test('entries are found by time, class and place, whatever spans they lie in, and in their order', async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-queries-'))
  const store = await openIndexed(dir.path)
  const all = Array.from({ length: count }, (_, leaf) => leaf)
  const find = async (query: Partial<LeafQuery>) => {
    const whole = {
      tenant,
      from: 0,
      before: count,
      sinceMs: undefined,
      untilMs: undefined,
      classUids: [],
      order: 'asc',
      ...query,
    } as const
    const { from, before, classUids } = whole
    const { sinceMs = Number.NEGATIVE_INFINITY, untilMs = Number.POSITIVE_INFINITY } = query
    const rows = await leavesBySpan(store.index, whole).execute()
    const back = await leavesBySpan(store.index, { ...whole, order: 'desc' }).execute()
    assert.deepEqual(back, rows.toReversed())
    const due = all.filter(
      (leaf) =>
        leaf >= from &&
        leaf < before &&
        timeOf(leaf) >= sinceMs &&
        timeOf(leaf) < untilMs &&
        // A head has no class.
        (classUids.length === 0 || (leaf !== 700 && classUids.includes(classOf(leaf)))),
    )
    assert.deepEqual(
      rows.map(({ leaf_index }) => leaf_index),
      due,
    )
    return due.length
  }
  assert.equal(await find({}), count)
  assert.equal(await find({ from: 700, before: 2100 }), 1400)
  assert.equal(await find({ from: 1024, before: 2048 }), 1024)
  assert.equal(await find({ sinceMs: timeOf(2000) }), 48)
  assert.equal(await find({ sinceMs: timeOf(900), untilMs: timeOf(2100), from: 3 }), 124 + 52)
  assert.equal(await find({ classUids: [1008] }), 3)
  assert.equal(await find({ classUids: [1008, 9], from: 6, before: 2900 }), 1)
  assert.equal(await find({ classUids: [1007], sinceMs: timeOf(0), untilMs: timeOf(1024), before: 10 }), 9)
  assert.equal(await find({ classUids: [1006] }), 0)
  await store.close()
})

test('what is asked of the index is answered by places in it: nothing is sorted, and no table is read through', async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-queries-'))
  const store = await openIndexed(dir.path)
  const plain = new DatabaseSync(store.indexPath, { readOnly: true })
  const planOf = (query: Compilable) => {
    const { sql, parameters } = query.compile()
    const rows = plain.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...(parameters as SQLInputValue[]))
    return (rows as { detail: string }[]).map(({ detail }) => detail)
  }
  const spans = 'SEARCH spans USING PRIMARY KEY (tenant=? AND first_leaf>? AND first_leaf<?)'
  const entries = 'SEARCH entries USING PRIMARY KEY (tenant=? AND leaf_index>? AND leaf_index<?)'
  const all = {
    tenant,
    from: 0,
    before: count,
    sinceMs: undefined,
    untilMs: undefined,
    classUids: [],
    order: 'asc',
  } as const
  assert.deepEqual(planOf(leavesBySpan(store.index, all)), [spans, entries])
  assert.deepEqual(planOf(leavesBySpan(store.index, { ...all, sinceMs: 1, untilMs: 2 })), [spans, entries])
  const [first, second, ...more] = planOf(leavesBySpan(store.index, { ...all, classUids: [1008, 2004] }))
  assert.deepEqual([first, more.at(-1)], [spans, entries])
  assert.match([second, ...more].join('\n'), /SEARCH span_classes USING PRIMARY KEY \(tenant=\? AND first_leaf=\?/)
  for (const order of ['asc', 'desc'] as const) {
    assert.deepEqual(planOf(leavesBySpan(store.index, { ...all, order, sinceMs: 1 })), [spans, entries])
  }
  const ofKind = leavesOfKinds(store.index, { tenant, kinds: ['head'], from: 0, before: count, order: 'desc' })
  assert.match(planOf(ofKind).join(), /^SEARCH entries USING (COVERING )?INDEX entries_other [^,]*$/)
  assert.deepEqual(await ofKind.execute().then((rows) => rows.map((row) => row.leaf_index)), [700])
  const ofUs = ownLeaves(store.index, { ...all, classUids: [1007] })
  assert.deepEqual(planOf(ofUs), [
    'SEARCH own_entries USING PRIMARY KEY (tenant=? AND leaf_index>? AND leaf_index<?)',
    'SEARCH entries USING PRIMARY KEY (tenant=? AND leaf_index=?)',
  ])
  assert.deepEqual(await ofUs.execute().then((rows) => rows.map((row) => row.leaf_index)), [2000])
  plain.close()
  await store.close()
})
