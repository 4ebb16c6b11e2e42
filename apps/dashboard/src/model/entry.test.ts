// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Entry, objectOf, personOf, targetOf, together, withNewer, wordsOf } from './entry.ts'

const vector = (name: string) =>
  JSON.parse(readFileSync(join(import.meta.dirname, '../../../../vectors/events', `${name}.json`), 'utf8'))

function entry(leaf: number, event?: Record<string, unknown>, kind = 'event'): Entry {
  const time = '2026-11-21T12:00:05.000000000Z'
  return {
    leaf_index: leaf,
    leaf_hash: '0'.repeat(64),
    time,
    kind,
    source: 'host',
    host: { id: 'host-1', name: 'web-1' },
    class_uid: null,
    activity_id: null,
    severity_id: typeof event?.severity_id === 'number' ? event.severity_id : null,
    mark: null,
    proof: 'durable',
    line: { chain: 'c', seq: 0, time, ...(event === undefined ? {} : { event }) },
  }
}

test('ING-3 a line that nobody vouches for says why', () => {
  const whyOf = (mark: string | null) => wordsOf({ ...entry(1), mark }).unverified
  assert.deepEqual([null, 'unknown_key', 'sth_new'].map(whyOf), [undefined, 'unknown key', 'sth_new'])
})

test('a finding is called by its rule, an event by its message, and another line by what it is', () => {
  const finding = wordsOf(entry(7, vector('finding-create')))
  assert.equal(finding.title, 'Password hashes read by an unexpected program')
  assert.deepEqual([finding.severity.name, finding.severity.tone, finding.host], ['High', 'high', 'web-1'])
  assert.equal(finding.actor, '/usr/bin/cat')
  assert.ok(finding.techniques.includes('T1003.008'), finding.techniques.join())
  assert.match(wordsOf(entry(1, vector('process-launch'))).title, /\S/)
  assert.equal(wordsOf(entry(2, undefined, 'head')).title, 'A host signed its chain')
  const titleOf = (message: string) => wordsOf(entry(3, { message })).title
  assert.deepEqual(['the host a joined', 'a token', '/usr/bin/a the'].map(titleOf), [
    'The host a joined',
    'A token',
    '/usr/bin/a the',
  ])
})

test('an act is done to a file, to another process, or to nothing', () => {
  assert.deepEqual(targetOf(entry(1, vector('finding-create'))), {
    kind: 'file',
    name: '/etc/shadow',
    about: undefined,
  })
  assert.equal(targetOf(entry(1, vector('file-read')))?.about, 'Read')
  assert.deepEqual(targetOf(entry(1, vector('process-inject')))?.kind, 'process')
  assert.equal(targetOf(entry(1, vector('process-launch'))), undefined)
  assert.equal(targetOf(entry(1, undefined, 'head')), undefined)
})

test('whatever form a line has, it is read', () => {
  for (const event of [
    { actor: null },
    { actor: { process: 'x' } },
    { finding_info: { attacks: [1, null] } },
    { evidences: [[]] },
  ]) {
    assert.equal(wordsOf(entry(1, event)).actor, '')
    assert.equal(targetOf(entry(1, event)), undefined)
  }
})

test('what is newer comes on top, each line once; a gap is noticed', () => {
  const [a, b, c, d] = [1, 2, 3, 4].map((leaf) => entry(leaf)) as [Entry, Entry, Entry, Entry]
  assert.deepEqual(withNewer([b, a], [c, b], true), { entries: [c, b, a], hasGap: false })
  assert.deepEqual(withNewer([b, a], [d, c], true), { entries: [d, c, b, a], hasGap: true })
  assert.deepEqual(withNewer([b, a], [d, c], false).hasGap, false)
  assert.deepEqual(withNewer([], [b, a], true), { entries: [b, a], hasGap: false })
  const known = [b, a]
  assert.equal(withNewer(known, [b, a], true).entries, known)
})

test('an entry is told by the time at which it happened, an alert by that of what it found; a line without by its own', () => {
  const at = Date.UTC(2026, 10, 21, 12)
  const told = (event?: Record<string, unknown>) => wordsOf(entry(1, event)).time
  assert.equal(told({ time: at }), '2026-11-21T12:00:00.000Z')
  assert.equal(told({ time: at + 1000, finding_info: { first_seen_time: at } }), '2026-11-21T12:00:00.000Z')
  for (const time of [-1, 1e300, 'x', null]) assert.equal(told({ time }), '2026-11-21T12:00:05.000000000Z')
  assert.equal(told(), '2026-11-21T12:00:05.000000000Z')
})

test('a person who acted is known by their id', () => {
  const id = `usr_${'0a'.repeat(10)}`
  assert.deepEqual([personOf(`person:${id}`), personOf(id)], [id, id])
  for (const actor of ['operator:root', '/usr/bin/usr_x', `machine:${id}x`, ''])
    assert.equal(personOf(actor), undefined)
})

test('a row says what was done to what, where its title does not', () => {
  const shown = (event: Record<string, unknown>) => {
    const one = entry(1, event)
    return objectOf(one, wordsOf(one).title)
  }
  assert.equal(shown(vector('finding-create')), '/etc/shadow')
  assert.equal(shown(vector('file-read')), undefined, 'the message is the title, and names it')
  const { evidences: _, ...finding } = vector('finding-create')
  assert.equal(shown(finding), '/usr/bin/cat (pid 1300) opened /etc/shadow for reading')
})

test('alerts of the same rule, actor and object within ten minutes are one row, at the newest of them', () => {
  const finding = vector('finding-create')
  const at = (leaf: number, minutes: number, change: object = {}) =>
    entry(leaf, { ...finding, time: finding.time + minutes * 60_000, ...change })
  const other = { evidences: [{ file: { path: '/etc/gshadow' } }] }
  const entries = [at(9, 11), at(8, 10), at(7, 2, other), at(6, 1), at(5, 0), entry(4, vector('file-read'))]
  const rows = together([...entries, entry(3, vector('file-read'))])
  assert.deepEqual(
    rows.map((row) => [row.entry.leaf_index, row.times]),
    [
      [9, 1],
      [8, 3],
      [7, 1],
      [4, 1],
      [3, 1],
    ],
  )
})
