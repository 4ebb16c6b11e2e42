// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import process from 'node:process'
import { test } from 'node:test'
import { type ProcStat, parseStat } from './proc-stat.ts'
import { createSpared } from './spare.ts'
import { createTree } from './tree.ts'

const stat = (pid: number, parent: number, more: Partial<ProcStat> = {}): ProcStat => ({
  pid,
  parent,
  group: 10,
  session: 10,
  startTicks: 100n,
  comm: 'x',
  isKernelThread: false,
  isOver: false,
  isStopped: false,
  ...more,
})
const own = { group: 0, session: 0 }
const root = stat(50, 10)
const pidsOf = (found: readonly ProcStat[]) => found.map(({ pid }) => pid).toSorted((a, b) => a - b)

function treeOf(supervisor?: number) {
  const spared = createSpared({ pid: 9, supervisor })
  return { spared, tree: createTree(root, spared) }
}

test('INC-4 of a tree is what descends from it, whatever its number, and what is left of its groups and sessions', () => {
  const { tree } = treeOf()
  const every = [
    stat(3, 60, own),
    stat(10, 1),
    root,
    stat(51, 10),
    stat(60, 50, own),
    stat(61, 1, { group: 60, session: 10 }),
    stat(62, 1, { group: 5, session: 60 }),
    stat(63, 50, { isOver: true }),
  ]
  assert.deepEqual(pidsOf(tree.newIn(every)), [3, 60, 61, 62])
  assert.deepEqual(tree.newIn(every), [])
  assert.deepEqual(pidsOf(tree.goingIn(every.map((one) => ({ ...one, isStopped: one.pid !== 61 })))), [61])
  assert.deepEqual(pidsOf(tree.all()), [3, 50, 60, 61, 62])
})

test('INC-4 who has the number of one of a tree by now is none of it, and nor are its children', () => {
  const { tree } = treeOf()
  tree.newIn([root, stat(60, 50)])
  const later = { ...own, startTicks: 200n }
  assert.deepEqual(tree.newIn([root, stat(60, 1, later), stat(70, 60, later)]), [])
  // Nor what was there before the tree, though its number leads to it.
  assert.deepEqual(tree.newIn([root, stat(71, 50, { startTicks: 99n })]), [])
  assert.deepEqual(pidsOf(tree.goingIn([root, stat(60, 1, later)])), [50])
})

test('INC-4 what is spared in a tree is left with what descends from it, also in a group of the tree', () => {
  const { tree, spared } = treeOf()
  spared.set([[60, 1_000_000_000n]])
  const every = [root, stat(60, 50), stat(61, 60, { group: 50 }), stat(62, 61, { session: 50 }), stat(63, 50)]
  assert.deepEqual(pidsOf(tree.newIn(every)), [63])
  assert.equal(tree.spared, 3)
})

test('INC-4 what the supervisor started is ours, and what a part of ours starts is not', () => {
  const { pid } = process
  const spared = createSpared({ pid: 9, supervisor: 40 })
  const by = new Map([stat(40, 1), stat(41, 40), stat(42, 41)].map((one) => [one.pid, one]))
  const why = (one: ProcStat) => spared.why(one, (of) => by.get(of))
  assert.equal(why(stat(40, 1)), 'a part of ours')
  assert.equal(why(stat(41, 40)), 'a part of ours')
  // Whose user is not the sensor's, as this process.
  assert.equal(why(stat(pid, 41)), undefined)
  assert.equal(why(stat(43, 42)), undefined)
  assert.equal(why(stat(43, 39)), undefined)
})

test('INC-4 the name of a process may hold anything, and its fields are read all the same', () => {
  const fields = ['S', 7, 8, 9, 0, -1, 0x20_0000, ...Array(12).fill(0), 4711, 0].join(' ')
  const { parent, group, session, startTicks, isKernelThread } = parseStat(5, `5 (a) R 1 (\n) ${fields}`)
  assert.deepEqual([parent, group, session, startTicks, isKernelThread], [7, 8, 9, 4711n, true])
})
