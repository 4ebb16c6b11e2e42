// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type FeedbackRow, suggestionsMax, suggestionsOf } from './suggestions.ts'

const reason = (id: string, where = 'ARGS_GET:q') => ({ detector: 'rules', id, where, what: '', weight: 7 })
const row = (word: FeedbackRow['word'], threat: object): FeedbackRow => ({
  ...{ tenant: 'acme', leaf_index: 0, word, day: '2026-11-01', score: 90, told_at: '', told_by: '' },
  threat: JSON.stringify(threat),
})
const search = (...reasons: object[]) => ({ method: 'GET', route: '/search', reasons })
const of = (...rows: FeedbackRow[]) => suggestionsOf(rows).map(({ id, falseAlarms }) => [id, falseAlarms])

test('DET-1 what was a false alarm twice, by the same rule at the same place of a route, is suggested to be excepted', () => {
  const alarm = row('false_alarm', search(reason('1'), reason('2')))
  assert.deepEqual(of(alarm), [])
  assert.deepEqual(of(alarm, row('false_alarm', search(reason('1')))), [['1', 2]])
  assert.deepEqual(suggestionsOf([alarm, alarm])[0], {
    ...{ detector: 'rules', id: '1', method: 'GET', route: '/search', where: 'ARGS_GET:q', falseAlarms: 2 },
  })
  assert.deepEqual(of(alarm, row('false_alarm', search(reason('1', 'ARGS_GET:p')))), [])
  assert.deepEqual(of(alarm, row('false_alarm', { ...search(reason('1')), route: '/orders' })), [])
})

test('DET-1 what was an attack once is not, nor what has no route, or a place that is redacted', () => {
  const alarm = row('false_alarm', search(reason('1'), reason('2')))
  assert.deepEqual(of(alarm, alarm, row('right', search(reason('1')))), [['2', 2]])
  for (const threat of [
    { method: 'GET', reasons: [reason('1')] },
    { method: 'GET', route: 'GET /search', reasons: [reason('1')] },
    search(reason('1', 'ARGS_GET:p…')),
    // The name that a framework has for all it serves below is no pattern of ours.
    { ...search(reason('1')), route: '/*' },
    { ...search(reason('1')), route: '/files/**' },
  ])
    assert.deepEqual(of(row('false_alarm', threat), row('false_alarm', threat)), [], JSON.stringify(threat))
  const many = Array.from({ length: 2 * suggestionsMax }, (_, n) => reason(`${n}`))
  assert.equal(of(row('false_alarm', search(...many)), row('false_alarm', search(...many))).length, suggestionsMax)
})
