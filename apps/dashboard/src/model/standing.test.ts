// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type LedgerState, proofNow, standingOf, walked } from './standing.ts'

const good: LedgerState = {
  tenant: 'default',
  origin: 'o',
  deployment: 'd',
  vkey: 'v',
  size: 10,
  signed: { size: 10, root: '', note: '' },
  published: {
    size: 10,
    root: '',
    root_checkpoint: {
      size: 4,
      note: '',
      published_at: '2026-11-21T12:00:00Z',
      quorum: 'met',
      witnesses: [],
      countersigned: { at: '2026-11-21T12:00:00Z', key_ids: [] },
    },
  },
  problem: null,
  integrity: { checked: 5, size: 10, problem: null },
}
const published = good.published ?? assert.fail()

test('a ledger is good only when all of it is vouched for and nothing was found', () => {
  const states: [Partial<LedgerState>, string, string][] = [
    [{}, 'good', 'Proven'],
    [{ size: 12 }, 'wait', 'Proving'],
    [{ published: null }, 'wait', 'Not yet proven'],
    [{ problem: 'the signer is away' }, 'bad', 'Not vouched for'],
    [{ integrity: { checked: 5, size: 10, problem: { leaf: 3, text: 'another hash' } } }, 'bad', 'Damaged'],
    [
      { published: { ...published, root_checkpoint: { ...published.root_checkpoint, quorum: 'below' } } },
      'bad',
      'Witnesses are missing',
    ],
    [
      { published: { ...published, root_checkpoint: { ...published.root_checkpoint, quorum: 'none' } } },
      'good',
      'Proven',
    ],
  ]
  for (const [change, tone, title] of states) {
    const standing = standingOf({ ...good, ...change })
    assert.deepEqual([standing.tone, standing.title], [tone, title], JSON.stringify(change))
    assert.equal(standing.why === undefined, tone === 'good')
  }
  assert.deepEqual([walked(good), walked({ ...good, integrity: null })], [0.5, undefined])
  assert.equal(walked({ ...good, integrity: { checked: 0, size: 0, problem: null } }), 1)
})

test('a line is proven as far as the ledger has come, and never less than it was', () => {
  const ledger = { ...good, signed: { size: 12, root: '', note: '' } }
  assert.deepEqual(
    [9, 10, 11, 12].map((leaf) => proofNow('durable', leaf, ledger)),
    ['published', 'signed', 'signed', 'durable'],
  )
  assert.equal(proofNow('published', 20, ledger), 'published')
  assert.equal(proofNow('signed', 20, undefined), 'signed')
})
