// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Clock, type JsonObject, systemClock } from '@sealwatch/base'
import { allOf, filterMatch, needsLine, parseFilter, printFilter, term } from '@sealwatch/contract/filter'
import { filters } from '@sealwatch/contract/test/filters'
import fc from 'fast-check'
import { type DataRoom, machine, openDataRoom } from '../../../test/data-room.ts'
import type { Authorised } from '../../access/index.ts'
import { type EntryQuery, entryAt, pageBounds, pageOfEntries, streamEntries } from './entries.ts'
import { type Entry, entryOf } from './entry.ts'
import { filterWhere } from './filter-where.ts'

const never = new AbortController().signal
const classes = [1001, 1004, 1007, 1008, 2004, 9999]

/** A turn for the others takes no time here. */
const clock: Clock = {
  ...systemClock,
  sleep: (ms, signal) => (ms === 0 ? new Promise((resolve) => setImmediate(resolve)) : systemClock.sleep(ms, signal)),
}

let room: DataRoom
let by: Authorised<'event:list'>
/** All lines of the tenant, in their order. */
let all: Entry[]

before(async () => {
  room = await openDataRoom(['acme', 'zeta'], clock)
  by = room.ports.gate.authorise(machine('acme', 'event:list'), 'event:list', { tenant: 'acme', requestId: 'req_1' })
  const [one, two, other] = [
    await room.host('acme', 'web-1'),
    await room.host('acme', 'DB'),
    await room.host('zeta', 'web-2'),
  ]
  for (let i = 0; i < 12; i += 1) {
    const event = (j: number): JsonObject => ({
      ...(j % 5 === 4 ? {} : { activity_id: (3 * i + j) % 15 }),
      ...(j % 7 === 6 ? {} : { class_uid: classes[(i + j) % classes.length] as number }),
      message: ['a"b', 'Größe', 'web-1', 'c\\d'][(i + j) % 4] as string,
      severity_id: (i * j) % 7,
    })
    const leaves = await one.ship([event(0), event(1), event(2)])
    await two.ship([event(3), event(6)])
    await other.ship([event(1)])
    const rests = [
      {
        chain: (room.ledgers.get('acme') && (await chainAt(leaves[0] as number))) ?? '',
        leaf_index: leaves[0] as number,
      },
    ]
    await room.say('acme', {
      class_uid: 2004,
      activity_id: 1,
      severity_id: 4,
      metadata: { uid: `f-${i}` },
      unmapped: { leaves: rests },
    })
    await room.say('acme', { class_uid: 3004, activity_id: 1 + (i % 9), severity_id: 2, message: 'zeta' })
  }
  const ledger = room.ledgers.get('acme')
  const hostOf = await room.ports.hostBook.of('acme')
  const leaves = await ledger.read(0, ledger.size)
  all = leaves.map((leaf) => entryOf(ledger, leaf, hostOf))
  assert.equal(all.length, ledger.size)
})
after(() => room[Symbol.asyncDispose]())

async function chainAt(leaf: number): Promise<string> {
  const [found] = await room.ledgers.get('acme').read(leaf, 1)
  return (JSON.parse(Buffer.from(found?.line ?? []).toString()) as { chain: string }).chain
}

/** Page by page, to the end. */
async function pages(query: Omit<EntryQuery, 'from'>, bounds = pageBounds): Promise<number[]> {
  const leaves: number[] = []
  let from: number | undefined
  for (let turns = 0; turns < 2_000; turns += 1) {
    const page = await pageOfEntries(room.ports, by, { ...query, from }, never, bounds)
    leaves.push(...page.entries.map(({ leaf }) => leaf))
    assert.ok(page.entries.length <= query.limit)
    if (page.next === undefined) return leaves
    from = page.next
  }
  throw new Error('the pages do not end')
}

const tight = { narrowLeaves: 16, wideLeaves: 8, questionsMax: 2, linesMax: 9, batchMax: 4 }

test('filter.md 5.3: pages hold just what the predicate lets through, in order, whatever the filter and however little a page may cost', async () => {
  await fc.assert(
    fc.asyncProperty(
      filters,
      fc.constantFrom<EntryQuery['order']>('newest', 'oldest'),
      fc.constantFrom(1, 3, 500),
      fc.constantFrom(pageBounds, tight),
      async (filter, order, limit, bounds) => {
        const match = filterMatch(filter)
        const due = all.filter(match).map(({ leaf }) => leaf)
        const found = await pages({ filter, order, limit }, bounds)
        assert.deepEqual(found, order === 'oldest' ? due : due.toReversed(), printFilter(filter))
      },
    ),
    { numRuns: 200 },
  )
})

test('what the index says of a filter holds for every match, and is all where no line need be read', async () => {
  const { indexDb, index, ledgers } = room.ports
  await index.waitFor('acme', ledgers.get('acme').size, never)
  await fc.assert(
    fc.asyncProperty(filters, async (filter) => {
      const match = filterMatch(filter)
      const due = all.filter(match).map(({ leaf }) => leaf)
      const rows = await indexDb
        .selectFrom('entries')
        .select('entries.leaf_index')
        .where('entries.tenant', '=', 'acme')
        .where(filterWhere('acme', filter))
        .orderBy('entries.leaf_index')
        .execute()
      const found = rows.map(({ leaf_index }) => leaf_index)
      if (needsLine(filter))
        assert.deepEqual(
          due.filter((leaf) => !found.includes(leaf)),
          [],
        )
      else assert.deepEqual(found, due, printFilter(filter))
    }),
    { numRuns: 400 },
  )
})

test('a stream goes through all of it once, and on with what comes', async () => {
  const over = new AbortController()
  const filter = allOf(term('kind', '=', 'event'), term('severity', '>=', 4))
  const due = all.filter(filterMatch(filter)).map(({ leaf }) => leaf)
  const seen: number[] = []
  let last: number | undefined
  for await (const { leaf } of streamEntries(room.ports, by, { filter, fromLeaf: 0, follow: true }, over.signal)) {
    seen.push(leaf)
    if (leaf === last) over.abort()
    if (leaf !== due.at(-1) || last !== undefined) continue
    await room.say('acme', { class_uid: 3004, severity_id: 1 })
    last = await room.say('acme', { class_uid: 3004, severity_id: 5 })
    due.push(last)
  }
  assert.deepEqual(seen, due)
  const once: number[] = []
  for await (const { leaf } of streamEntries(room.ports, by, { filter, fromLeaf: 0, follow: false }, never))
    once.push(leaf)
  assert.deepEqual(once, due)
})

test('a stream that is to be whole and is stopped says so; one that follows just ends', async () => {
  const gone = AbortSignal.abort()
  const filter = term('kind', '=', 'event')
  const run = async (follow: boolean) => {
    for await (const entry of streamEntries(room.ports, by, { filter, fromLeaf: 0, follow }, gone))
      assert.fail(entry.json.time)
  }
  await run(true)
  await assert.rejects(run(false), { code: 'API_STOPPING' })
})

test('a line that is not built says what it would say if it were', () => {
  for (const { json, event, ...entry } of all) {
    const numbers = [event?.class_uid, event?.activity_id, event?.severity_id].map((value) => value ?? null)
    assert.deepEqual([entry.classUid, entry.activityId, entry.severityId], numbers)
    assert.equal(entry.timeMs, Date.parse(json.time))
    assert.deepEqual(
      [entry.kind === 'event', entry.own],
      [event !== undefined, json.chain === room.ledgers.get('acme').chain],
    )
  }
})

test('a line is of its host; a finding is of the host that it is about; what the server did is of none', async () => {
  const names = (text: string) => {
    const parsed = parseFilter(text)
    assert.ok('filter' in parsed)
    return [...new Set(all.filter(filterMatch(parsed.filter)).map(({ host }) => host?.name))]
  }
  assert.deepEqual(names('class=finding and source=server'), ['web-1'])
  assert.deepEqual(names('class=entity'), [undefined])
  assert.deepEqual(names('host=db'), ['DB'])
  assert.deepEqual(names('host~WEB'), ['web-1'])
  assert.equal((await entryAt(room.ports, by, 10 ** 9)) ?? 'none', 'none')
})
