// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { QuarantineRow } from './judge-item.ts'
import { windowsOf } from './windows.ts'

const rowOf = (chain: string, first_seq: number, kept_bytes: number | null = 10) =>
  ({ chain, first_seq, kept_bytes }) as QuarantineRow
const max = { items: 3, bytes: 25 }
const sizesOf = (rows: QuarantineRow[]) => [...windowsOf(rows, max)].map((window) => window.length)

test('ING-4 what is judged together is bounded in items and in bytes, and keeps its order', () => {
  assert.deepEqual(sizesOf([]), [])
  assert.deepEqual(sizesOf([0, 1, 2, 3, 4, 5, 6].map((seq) => rowOf('a', seq, null))), [3, 3, 1])
  assert.deepEqual(sizesOf([rowOf('a', 0, 24), rowOf('a', 1, 24), rowOf('a', 2, 24)]), [2, 1])
  assert.deepEqual(sizesOf([rowOf('a', 0, 100), rowOf('a', 1)]), [1, 1], 'one that is larger goes alone')
  const rows = [0, 1, 2, 3, 4].map((seq) => rowOf('a', seq))
  assert.deepEqual([...windowsOf(rows, max)].flat(), rows)
})

test('ING-8 two items of one submission are not judged together', () => {
  assert.deepEqual(sizesOf([rowOf('a', 0), rowOf('b', 0), rowOf('a', 0)]), [2, 1])
})
