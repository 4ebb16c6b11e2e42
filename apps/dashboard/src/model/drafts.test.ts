// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createDrafts, draftLimits, type Shelf } from './drafts.ts'

function shelf(): Shelf & { readonly kept: Map<string, string> } {
  const kept = new Map<string, string>()
  return {
    kept,
    get length() {
      return kept.size
    },
    key: (at) => [...kept.keys()][at] ?? null,
    getItem: (name) => kept.get(name) ?? null,
    setItem: (name, value) => void kept.set(name, value),
    removeItem: (name) => void kept.delete(name),
  }
}

const ann = { person: 'usr_ann', tenant: 'acme', policy: 'web' }
const draft = { text: '{', etag: '"1-ab"', atMs: 5 }

test('POL-1 a draft is there for its person, tenant and policy alone, and is gone when it is dropped', () => {
  const drafts = createDrafts(shelf())
  drafts.keep(ann, draft)
  assert.deepEqual(drafts.read(ann), draft)
  for (const other of [{ person: 'usr_an' }, { person: 'usr_bob' }, { tenant: 'zeta' }, { policy: 'db' }])
    assert.equal(drafts.read({ ...ann, ...other }), undefined)
  drafts.keep(ann, { text: '{}', etag: undefined, atMs: 6 })
  assert.deepEqual(drafts.read(ann), { text: '{}', etag: undefined, atMs: 6 })
  drafts.drop(ann)
  assert.equal(drafts.read(ann), undefined)
})

test('whoever signs in finds nothing of whoever did before; what else the browser keeps stays', () => {
  const own = shelf()
  const drafts = createDrafts(own)
  own.setItem('other', 'x')
  for (const person of ['usr_an', 'usr_ann']) drafts.keep({ ...ann, person }, draft)
  drafts.forgetOthers('usr_an')
  assert.deepEqual(drafts.read({ ...ann, person: 'usr_an' }), draft)
  assert.equal(drafts.read(ann), undefined)
  assert.equal(own.kept.size, 2)
})

test('a few are kept, the newest; one that is too long is not, nor what it was before', () => {
  const own = shelf()
  const drafts = createDrafts(own)
  for (let atMs = 0; atMs <= draftLimits.draftsMax; atMs += 1)
    drafts.keep({ ...ann, policy: `p${atMs}` }, { ...draft, atMs })
  assert.equal(own.kept.size, draftLimits.draftsMax)
  assert.equal(drafts.read({ ...ann, policy: 'p0' }), undefined)
  drafts.keep({ ...ann, policy: 'p1' }, { ...draft, text: 'x'.repeat(draftLimits.textUnitsMax + 1) })
  assert.equal(drafts.read({ ...ann, policy: 'p1' }), undefined)
})

test('whoever signs out leaves nothing', () => {
  const drafts = createDrafts(shelf())
  drafts.keep(ann, draft)
  drafts.forgetOthers(ann.person)
  assert.deepEqual(drafts.read(ann), draft)
  drafts.forgetOthers(undefined)
  assert.equal(drafts.read(ann), undefined)
})

test('a storage that refuses, or holds what is no draft, is none', () => {
  const refuse = () => {
    throw new Error('QuotaExceededError')
  }
  const drafts = createDrafts({ length: 1, key: refuse, getItem: refuse, setItem: refuse, removeItem: refuse })
  drafts.keep(ann, draft)
  drafts.forgetOthers('usr_bob')
  assert.equal(drafts.read(ann), undefined)
  for (const text of ['{"text":1}', 'null', '[', '7']) {
    const own = shelf()
    const bent = createDrafts(own)
    bent.keep(ann, draft)
    own.setItem([...own.kept.keys()][0] as string, text)
    assert.equal(bent.read(ann), undefined)
  }
})
