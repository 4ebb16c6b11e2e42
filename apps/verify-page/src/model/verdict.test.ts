// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BundleReport } from '@sealwatch/ledger/verify'
import { verdictOf } from './verdict.ts'

/** What the sentences depend on; the report has more. */
const report = {
  ok: true,
  problem: undefined,
  tenant: 'default',
  origin: 'd1/tenant/0f',
  size: 1200,
  lines: 1200,
  withheld: 0,
  complete: true,
  signedByHost: 1100,
  signedByService: 0,
  notCovered: 0,
  stubs: 0,
  revealed: 0,
  rootSize: 7,
  signers: ['d1/root'],
  nodeKey: undefined,
  countersigned: undefined,
  trust: 'pinned',
} as unknown as BundleReport
const seen = { span: { first: '2026-11-21T00:00:00.0Z', last: '2026-11-22T00:00:00.0Z' }, gaps: [] }
const textOf = (more: Partial<BundleReport>) => {
  const { title, summary, proven, notProven, tone } = verdictOf({ ...report, ...more }, seen)
  return { tone, title, summary, proven: proven.join('\n'), notProven: notProven.join('\n') }
}

test('only a key that the reader named makes it verified', () => {
  assert.deepEqual([textOf({}).tone, textOf({}).title], ['proven', 'Verified'])
  const alone = textOf({ trust: 'self-asserted' })
  assert.equal(alone.tone, 'intact')
  assert.doesNotMatch(alone.title, /verified/i)
  assert.match(alone.notProven, /Who signed this/)
})

test('complete is said of what is complete, and of the rest how much is withheld', () => {
  assert.match(textOf({}).proven, /from its first line to line 1199, without a gap/)
  const sparse = textOf({ complete: false, lines: 10, withheld: 1190, notCovered: 1 })
  assert.match(sparse.summary, /^10 of 1,200 lines/)
  assert.match(sparse.proven, /1,190 lines withheld stand as hashes/)
  assert.doesNotMatch(sparse.proven, /left out/)
  assert.match(sparse.notProven, /That 1 shown line came from their host/)
})

test('witnesses are believed when they have spoken, and missed when not', () => {
  assert.match(textOf({}).notProven, /only witnesses/)
  const cosigned = [{ name: 'w1', key: 'w1+k', time: '2026-11-21T00:00:00.0Z' }]
  const both = textOf({ witnesses: { cosigned, missing: ['w2'], quorum: 'met' } })
  assert.match(both.proven, /^w1 saw the same root ledger/m)
  assert.match(both.notProven, /^That w2 saw this root ledger/m)
  assert.doesNotMatch(both.notProven, /only witnesses/)
})

test('what is wrong is named with its rule, and nothing is proven', () => {
  const problem = { fileLine: 8, leaf: 4, chain: undefined, seq: undefined, code: 'BUNDLE_ALTERED', message: 'm' }
  const verdict = verdictOf({ ...report, ok: false, problem }, undefined)
  assert.deepEqual([verdict.tone, verdict.proven, verdict.facts], ['failed', [], []])
  assert.equal(verdict.problem?.where, 'line 8 of the file, leaf 4 of the ledger')
  assert.match(verdict.problem?.rule ?? '', /every line has the hash/)
})

test('rows that services signed are told apart from lines of hosts', () => {
  assert.doesNotMatch(textOf({}).proven, /services/)
  assert.match(textOf({ signedByService: 1 }).proven, /1 row of services is signed by a key/)
  const { facts } = verdictOf({ ...report, signedByService: 1200 }, seen)
  assert.equal(facts.find(({ name }) => name === 'Signed by services')?.value, '1,200')
})
