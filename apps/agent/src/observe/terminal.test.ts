// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseStat, terminalName } from './terminal.ts'

const device = (major: number, minor: number) => ((minor & 0xfff00) << 12) | (major << 8) | (minor & 0xff)

test('the numbers of a terminal are its name', () => {
  const rows = [
    [0, 0, null],
    [136, 0, 'pts/0'],
    [136, 300, 'pts/300'],
    [137, 1, 'pts/257'],
    [4, 1, 'tty1'],
    [4, 64, 'ttyS0'],
    [5, 1, 'console'],
    [204, 64, 'ttyAMA0'],
    [229, 0, 'hvc0'],
    [188, 2, '188:2'],
  ] as const
  for (const [major, minor, name] of rows) assert.equal(terminalName(device(major, minor)), name)
})

test('start and terminal are found behind any name, and nothing in what is no stat', () => {
  const stat = (name: string) => `42 (${name}) S 1 42 42 34819 42 4194560 1 2 3 4 5 6 7 8 20 0 1 0 8912 11 12 0 0`
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 15 }), (name) =>
      assert.deepEqual(parseStat(stat(name)), { startTicks: 8912n, terminal: 'pts/3' }),
    ),
  )
  assert.deepEqual(parseStat(stat(') S 1 1 1 0 1 (')), { startTicks: 8912n, terminal: 'pts/3' })
  for (const text of ['', '1 (a) S', stat('x').replace('8912', '-1'), stat('x').replace('34819', 'x')])
    assert.equal(parseStat(text), undefined, text)
})
