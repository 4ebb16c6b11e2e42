// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  commandsFor,
  type Item,
  producerName,
  type Release,
  releaseStanding,
  serviceOf,
  stateWords,
} from './quarantine.ts'
import { askedIn, endOf, filterOf, isNarrowed, timeTyped } from './quarantine-query.ts'
import { nothingTold, type Outcome, toldWith } from './replay.ts'

const item = (change: Partial<Item>): Item => ({
  leaf_index: 7,
  item: 'aa',
  state: 'waiting',
  reason: 'unknown_key',
  detail: '',
  producer: 'service:billing',
  key_id: 'billing-2',
  chain: 'bb',
  first_seq: 0,
  next_seq: 10,
  quarantined_at: '2026-11-22T07:00:01Z',
  received_at: '2026-11-22T07:00:00Z',
  peer: '10.0.0.1',
  registry_version: 3,
  admitted_at: null,
  admitted_leaf_index: null,
  admitted_how: null,
  ...change,
})

test('ING-4 the next command names what this item names, and no name becomes a command', () => {
  const texts = (change: Partial<Item>) => commandsFor(item(change), 'acme').map(({ text }) => text)
  assert.deepEqual(texts({}), [
    'sudo ./sealwatch signing-key show billing-2 --tenant acme',
    'sudo ./sealwatch signing-key add billing billing.pub --id billing-2 --from 2026-11-22T07:00:00Z --tenant acme',
    "sudo ./sealwatch producer halt billing --cause 'unknown key' --tenant acme",
  ])
  assert.equal(
    texts({ reason: 'key_not_yet_valid' })[1],
    'sudo ./sealwatch signing-key set-window billing-2 --from 2026-11-22T07:00:00Z --tenant acme',
  )
  assert.equal(
    texts({ reason: 'invalid_signature', key_id: null })[0],
    'sudo ./sealwatch quarantine show 7 --bytes item-7 --tenant acme',
  )
  assert.match(texts({ key_id: "x'; rm -rf $HOME" })[0] ?? '', / 'x'\\''; rm -rf \$HOME' /)
  assert.deepEqual(texts({ producer: '0a'.repeat(16), key_id: null }), [])
})

test('services go by their names, hosts by theirs where these are known', () => {
  const hosts = new Map([['h1', 'web-1']])
  assert.deepEqual(
    ['service:billing', 'h1', 'h2'].map((producer) => producerName(producer, hosts)),
    ['billing', 'web-1', 'h2'],
  )
  assert.equal(serviceOf('h1'), undefined)
})

test('ING-3 ING-4 what became of an item is said as its replay says it', () => {
  const words = (['verified', 'released', 'non_strict', null] as const).map(
    (admitted_how) => stateWords({ state: 'admitted', admitted_how }).text,
  )
  assert.deepEqual(words, ['replayed', 'released', 'admitted unverified', 'admitted'])
  assert.equal(stateWords(item({})).text, 'waits')
})

test('ING-4 a request is theirs or mine until it ends, is turned down or approved', () => {
  const asked: Release = {
    request: 'rel_1',
    cause: 'INC-7',
    requested_at: '2026-11-22T07:00:00Z',
    requested_by: 'person:usr_a',
    expires_at: '2026-11-23T07:00:00Z',
    approved_at: null,
    approved_by: null,
    rejected_at: null,
    rejected_by: null,
    rejected_cause: null,
  }
  const nowMs = Date.parse('2026-11-22T08:00:00Z')
  const of = (
    change: Partial<Release> | null,
    personId: string | undefined = 'usr_b',
    state: Item['state'] = 'waiting',
  ) => releaseStanding({ state }, change && { ...asked, ...change }, { personId, nowMs })
  assert.deepEqual(
    [
      of(null),
      of({}, 'usr_a'),
      of({}),
      of({}, undefined),
      of({ expires_at: '2026-11-22T08:00:00Z' }),
      of({ rejected_at: asked.requested_at }),
      of({ approved_at: asked.requested_at }),
      of({ approved_at: asked.requested_at }, 'usr_b', 'admitted'),
    ],
    ['none', 'mine', 'theirs', 'theirs', 'ended', 'rejected', 'stuck', 'done'],
  )
})

test('the address says what is asked for, and what it says wrongly is not asked for', () => {
  const of = (search: string) => filterOf(askedIn(new URLSearchParams(search)))
  assert.deepEqual(of(''), { state: 'waiting' })
  assert.deepEqual(of('state=all&reason=key_expired&key=k&producer=billing&since=2026-11-22T07:00:00Z'), {
    reason: 'key_expired',
    key_id: 'k',
    producer: 'billing',
    since: '2026-11-22T07:00:00Z',
  })
  assert.deepEqual(of('state=x&reason=nonsense&until=yesterday'), { state: 'waiting' })
  assert.deepEqual(
    [isNarrowed(askedIn(new URLSearchParams('state=all'))), isNarrowed(askedIn(new URLSearchParams('key=k')))],
    [false, true],
  )
})

test('moments are typed as people write them, in UTC', () => {
  const nowMs = Date.parse('2026-11-22T12:00:00.5Z')
  const typed = (text: string) => timeTyped(text, nowMs)
  assert.deepEqual(
    [
      '',
      '2 h',
      '30min ago',
      '3 d',
      '2026-11-22',
      '2026-11-22 08:30',
      '2026-11-22 08:30:15 UTC',
      '2026-11-22T08:30:15.25Z',
    ].map(typed),
    [
      '',
      '2026-11-22T10:00:00Z',
      '2026-11-22T11:30:00Z',
      '2026-11-19T12:00:00Z',
      '2026-11-22T00:00:00Z',
      '2026-11-22T08:30:00Z',
      '2026-11-22T08:30:15Z',
      '2026-11-22T08:30:15.25Z',
    ],
  )
  for (const wrong of [
    'yesterday',
    '2026-13-01',
    '2026-02-30',
    '2026-11-22 25:00',
    '2026-11-22T08:30:00+01:00',
    '2 weeks',
  ])
    assert.equal(typed(wrong), undefined, wrong)
  assert.equal(endOf('2026-11-22T07:00:00Z', 300), '2026-11-22T07:05:00Z')
})

test('ING-4 a replay is added up: what comes in, what was in already, and what stays for each cause', () => {
  const outcome = (change: Partial<Outcome>): Outcome => ({
    ...{ leaf_index: 1, outcome: 'admitted', lines: 10, reason: null, detail: '', admitted_leaf_index: null },
    ...change,
  })
  const stuck = { outcome: 'waiting', reason: 'unknown_key', detail: 'no such key' } as const
  const first = toldWith(nothingTold, [outcome({}), outcome({ lines: 5 }), outcome({ ...stuck, leaf_index: 3 })])
  const told = toldWith(first, [outcome({ ...stuck, leaf_index: 4, lines: 1 }), outcome({ outcome: 'already' })])
  assert.deepEqual(told, {
    seen: 5,
    comesIn: { items: 2, rows: 15 },
    already: { items: 1, rows: 10 },
    stays: [{ ...stuck, leaf: 3, items: 2, rows: 11 }],
  })
  const many = toldWith(
    nothingTold,
    Array.from({ length: 1_000 }, (_, i) => outcome({ ...stuck, detail: `key ${i}` })),
  )
  assert.equal(many.stays.length, 20)
  assert.equal(
    many.stays.reduce((sum, { items }) => sum + items, 0),
    1_000,
  )
})
