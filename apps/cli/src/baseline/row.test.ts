// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { comparePaths, formatRow, parseRow, type Row, targetOf } from './row.ts'

const bytes = fc.uint8Array({ min: 1, maxLength: 20 }).map((name) => Buffer.from(name.filter((byte) => byte !== 0x2f)))
const path = fc.array(bytes, { maxLength: 4 }).map((names) => Buffer.concat([Buffer.from('/'), join(names)]))
const join = (names: readonly Buffer[]) =>
  Buffer.concat(names.flatMap((name, i) => [...(i ? [Buffer.from('/')] : []), name]))
const facts = { kind: 'file', mode: '4755', uid: 0, gid: 4, size: 3, mtime_ns: '-5', sha256: 'ab'.repeat(32) } as const

test('AGT-1 a row is read back as it was written, whatever bytes a name has', () => {
  fc.assert(
    fc.property(path, bytes, (path, target) => {
      for (const row of [
        { path, facts },
        { path, facts: { kind: 'symlink', mode: '0777', uid: 1, gid: 1, ...targetOf(target) } },
      ] satisfies Row[])
        assert.deepEqual(parseRow(formatRow(row)), row)
    }),
  )
})

test('what is not exactly a row is none', () => {
  const line = formatRow({ path: Buffer.from('/a'), facts })
  const wrong = [
    '',
    'null',
    '[]',
    ` ${line}`,
    line.replace('"/a"', '"a"'),
    line.replace('4755', '9755'),
    line.replace('"file"', '"pipe"'),
    line.replace('"uid":0', '"uid":-1'),
    line.replace('"uid":0', '"uid":0,"why":1'),
    line.replace(',"uid":0', ''),
    line.replace('"path":"/a"', '"path":"/a","path_hex":"2f61"'),
    line.replace('"path":"/a"', '"path_hex":"2f61"'),
    line.replace('"/a"', `"/${'a'.repeat(5000)}"`),
  ]
  for (const text of wrong) assert.equal(parseRow(text), undefined, text.slice(0, 80))
  fc.assert(fc.property(fc.string(), (text) => parseRow(text) === undefined))
})

test('paths stand as a walk meets them', () => {
  const sorted = ['/', '/a', '/a/b', '/a/b/c', '/a.b', '/a0', '/b'].map((text) => Buffer.from(text))
  assert.deepEqual([...sorted].reverse().sort(comparePaths), sorted)
})
