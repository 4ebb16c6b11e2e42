// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { test } from 'node:test'
import { systemClock as clock } from '@sealwatch/base'
import type { KyselyPlugin } from 'kysely'
import { flip, openIngest } from '../test/open-ingest.ts'
import { withHash } from './test/frames.ts'
import { walkQuarantine } from './walk.ts'

type It = Awaited<ReturnType<typeof openIngest>>

/** Two batches in quarantine, and how a walk finds them. */
async function openKept() {
  const it = await openIngest('unregistered')
  for (const name of ['a', 'b']) await it.seal(name)
  const first = await it.batchAt(0)
  for (const batch of [first, await it.batchAt(first.count)]) assert.equal((await it.submit(batch)).kind, 'quarantined')
  const ledger = it.ledgers.get('default')
  const walk = () => walkQuarantine({ ...it, ledger, clock }, new AbortController().signal)
  return { it, walk }
}

const segmentOf = (it: It) => join(it.dir, 'quarantine/default/000000000000.items')
const change = (it: It, what: Record<string, unknown>) =>
  it.store.db
    .updateTable('audit_signature_quarantine')
    .set(what)
    .where('tenant', '=', 'default')
    .where('stub_leaf_index', '=', 2)
    .execute()
const remove = (it: It) =>
  it.store.db
    .deleteFrom('audit_signature_quarantine')
    .where('tenant', '=', 'default')
    .where('stub_leaf_index', '=', 2)
    .execute()

const faults: readonly [string, (it: It) => Promise<unknown>, RegExp, number][] = [
  [
    'a byte that is another',
    async (it) => writeFile(segmentOf(it), flip(await readFile(segmentOf(it)), 200)),
    /altered/,
    1,
  ],
  [
    'bytes that were replaced with their hash',
    async (it) => writeFile(segmentOf(it), withHash(flip(await readFile(segmentOf(it)), 200))),
    /altered/,
    1,
  ],
  ['a row that names another item', async (it) => change(it, { item: 'ab'.repeat(32) }), /leaf 2 is not its stub/, 2],
  ['a segment that is gone', async (it) => rm(segmentOf(it)), /its bytes are gone/, 1],
  ['a row that is gone', remove, /a stub without its row/, 2],
  ['a row of another place', async (it) => change(it, { stub_leaf_index: 1_000 }), /a stub without its row/, 2],
  [
    'a row that calls itself admitted',
    async (it) => change(it, { state: 'admitted', admitted_leaf_index: 1 }),
    /no replay/,
    2,
  ],
]
for (const [name, fault, text, leaf] of faults)
  test(`ING-3 conservation: a walk over the quarantine of a server at work finds ${name}`, async () => {
    const { it, walk } = await openKept()
    await using _ = it
    assert.equal(await walk(), undefined)
    await fault(it)
    const found = await walk()
    assert.equal(found?.leaf, leaf)
    assert.match(found?.text ?? '', text)
  })

test('ING-3 a walk waits for rows that are about to learn of their stubs', async () => {
  const { it, walk } = await openKept()
  await using _ = it
  await it.seal('c')
  const { nextSeq } = it.ledgers.get('default').position(it.chain.id)
  const both = await Promise.all([it.submit(await it.batchAt(nextSeq)), walk()])
  assert.deepEqual([both[0].kind, both[1]], ['quarantined', undefined])
})

test('ING-3 a walk while the keys are out of reach tells of what the disk changed alone', async () => {
  const { it, walk } = await openKept()
  await using _ = it
  it.kms.plugged = false
  it.sealing.evict()
  assert.equal(await walk(), undefined)
  await writeFile(segmentOf(it), flip(await readFile(segmentOf(it)), 200))
  assert.match((await walk())?.text ?? '', /altered/)
})

test('ING-3 a walk rests for as long as it worked at least, by the clock that is passed in', async () => {
  const { it } = await openKept()
  await using _ = it
  let nowMs = 0
  const slept: number[] = []
  const state: typeof it.quarantine.state = (row) => {
    nowMs += 10
    return it.quarantine.state(row)
  }
  const monotonicNs = () => BigInt(nowMs) * 1_000_000n
  const sleep = async (ms: number) => void slept.push(ms)
  const parts = { ...it, ledger: it.ledgers.get('default'), quarantine: { ...it.quarantine, state } }
  await walkQuarantine({ ...parts, clock: { ...clock, monotonicNs, sleep } }, new AbortController().signal)
  assert.deepEqual(slept, [10, 10])
})

test('ING-3 a walk reads the stubs alone, however many other lines a ledger has', async () => {
  const { it } = await openKept()
  await using _ = it
  const asked: { readonly sql: string; readonly parameters: readonly unknown[] }[] = []
  const plugin: KyselyPlugin = {
    transformQuery: ({ node, queryId }) => {
      asked.push(it.store.index.getExecutor().compileQuery(node, queryId))
      return node
    },
    transformResult: async ({ result }) => result,
  }
  const store = { ...it.store, index: it.store.index.withPlugin(plugin) }
  await walkQuarantine({ ...it, store, ledger: it.ledgers.get('default'), clock }, new AbortController().signal)
  const plain = new DatabaseSync(it.store.indexPath, { readOnly: true })
  const plans = asked.flatMap(({ sql, parameters }) =>
    plain.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...(parameters as SQLInputValue[])),
  )
  plain.close()
  const ofEntries = plans.map(({ detail }) => String(detail)).filter((detail) => detail.includes(' entries '))
  assert.equal(ofEntries.length, 2, 'of hosts, and of services')
  for (const detail of ofEntries) assert.match(detail, /^SEARCH entries USING COVERING INDEX entries_other /)
})
