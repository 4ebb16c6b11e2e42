// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { mkdtempDisposable, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock as clock, systemDisk as disk } from '@sealwatch/base'
import { generateSigner } from '@sealwatch/keys'
import { type ChainBatch, type Lines, openChain, parseLines, sha256 } from '@sealwatch/ledger'
import { createGlances, readRuleFiles, standardRules } from './index.ts'
import { openRulebook } from './rulebook.ts'

const rules = await openRulebook(readRuleFiles(standardRules), clock)
const { ruleset } = rules
const sample = async (name: string) => JSON.parse(await readFile(join(standardRules, name), 'utf8')) as object
const fires = await sample('shadow-read.fires.json')
const silent = { class_uid: 1007, type_uid: 1 }

/** Sealed by a host: a line that fires for each true, and the anchor and the head around them. */
async function sealed(kinds: readonly boolean[]): Promise<Lines> {
  await using dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-glances-'))
  const limits = { segmentBytesMax: 1e6, totalBytesMax: 1e7 }
  const chain = await openChain({ dir: dir.path, tenant: 't', signer: generateSigner(), clock, disk, ...limits })
  await chain.seal(kinds.map((does) => ({ event: does ? fires : silent, personalPointers: [], timeNs: clock.nowNs() })))
  const { lines, count } = (await chain.readBatch(0)) as ChainBatch
  await chain.close()
  return parseLines(sha256, lines, count, 'reading a batch')
}

test('DET-2: a look finds what some rule may fire for, where it stands in the ledger, and nothing else', async () => {
  const glances = createGlances(rules)
  const lines = await sealed([false, true, false])
  const next = 10 + lines.count
  const placed = glances.look('t', lines)
  assert.equal(glances.take('t', 10, ruleset), undefined)
  placed({ first: 10, next })
  assert.equal(glances.take('other', 10, ruleset), undefined)
  assert.deepEqual(glances.take('t', 10, ruleset), { next, suspects: [12] })
  assert.equal(glances.take('t', 10, ruleset), undefined)
})

test('DET-2: only leaves without a gap are passed over; what is behind the follower is dropped', async () => {
  const glances = createGlances(rules)
  const lines = await sealed([true])
  const { count } = lines
  for (const first of [0, count, 3 * count]) glances.look('t', lines)({ first, next: first + count })
  assert.deepEqual(glances.take('t', 2, ruleset), { next: 2 * count, suspects: [count + 1] })
  assert.equal(glances.take('t', 2 * count, ruleset), undefined)
  assert.deepEqual(glances.take('t', 3 * count, ruleset), { next: 4 * count, suspects: [3 * count + 1] })
})

test('DET-2: among many suspects, and behind a backlog, the lines are left to be read', async () => {
  const glances = createGlances(rules)
  const many = await sealed(Array.from({ length: 17 }, () => true))
  glances.look('t', many)({ first: 0, next: many.count })
  assert.equal(glances.take('t', 0, ruleset), undefined)
  const one = await sealed([false])
  for (let i = 0; i <= 256; i += 1) glances.look('t', one)({ first: i * one.count, next: (i + 1) * one.count })
  assert.equal(glances.take('t', 0, ruleset), undefined)
  assert.deepEqual(glances.take('t', 256 * one.count, ruleset), { next: 257 * one.count, suspects: [] })
  glances.look('t', one)({ first: 0, next: one.count })
  glances.forget('t')
  assert.equal(glances.take('t', 0, ruleset), undefined)
})

test('DET-2: what one ruleset passed over is read again for another', async () => {
  const book = await openRulebook(readRuleFiles(standardRules), clock)
  const glances = createGlances(book)
  const lines = await sealed([false])
  const next = lines.count
  const before = book.ruleset
  glances.look('t', lines)({ first: 0, next })
  const placedLater = glances.look('t', lines)
  await book.take([])
  assert.notEqual(book.ruleset, before)
  placedLater({ first: next, next: 2 * next })
  assert.equal(glances.take('t', 0, before), undefined, 'by one that is not in force any more nothing is known')
  assert.equal(glances.take('t', 0, book.ruleset), undefined)
  assert.equal(glances.take('t', next, book.ruleset), undefined)
  glances.look('t', lines)({ first: 2 * next, next: 3 * next })
  assert.deepEqual(glances.take('t', 2 * next, book.ruleset), { next: 3 * next, suspects: [] })
})
