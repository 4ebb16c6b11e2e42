// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { openManyHashes } from './hashes.ts'
import {
  leafHash,
  leafHashesIn,
  linkHashesIn,
  type ManyHashes,
  nodeHash,
  nodeHashes,
  type Sha256,
} from './verify/merkle.ts'

const one: Sha256 = (data) => createHash('sha256').update(data).digest()
const many = openManyHashes()
const unlessBuilt = {
  skip: many === undefined ? 'packages/ledger/build/hashes.so is not built: tools/setup run' : false,
}
const native = () => Object.assign((data: Uint8Array) => one(data), { many: many as ManyHashes })

test('many hashes at a time are those of one at a time', unlessBuilt, () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 40 })
  fc.assert(
    fc.property(pieces, (entries) => {
      const frame = Buffer.concat(entries.flatMap((entry) => [Buffer.of(7), entry]))
      const places = new Uint32Array(2 * entries.length)
      let at = 0
      for (const [i, entry] of entries.entries()) {
        places.set([at + 1, at + 1 + entry.length], 2 * i)
        at += 1 + entry.length
      }
      const before = Buffer.from(frame)
      const due = Buffer.concat(entries.map((entry) => leafHash(one, entry)))
      for (const sha256 of [one, native()]) {
        assert.deepEqual(Buffer.from(leafHashesIn(sha256, frame, places, entries.length)), due)
        const row = due.subarray(0, due.length - (due.length % 64))
        const nodes = Buffer.concat(
          Array.from({ length: row.length / 64 }, (_, i) =>
            nodeHash(one, row.subarray(64 * i, 64 * i + 32), row.subarray(64 * i + 32, 64 * i + 64)),
          ),
        )
        assert.deepEqual(Buffer.from(nodeHashes(sha256, row)), nodes)
      }
      assert.deepEqual(frame, before)
    }),
  )
})

test('lines that name each other are written and hashed in one go', unlessBuilt, () => {
  for (const sha256 of [one, native()]) holdLinked(sha256)
})

function holdLinked(sha256: Sha256): void {
  const texts = ['first:', 'second, and longer:', ':'].map((text) => `${text}${'_'.repeat(64)} end`)
  const bytes = Buffer.from(texts.join('\n'))
  const places = new Uint32Array(9)
  let from = 0
  for (const [i, text] of texts.entries()) {
    places.set([from, from + text.length, from + text.indexOf('_')], 3 * i)
    from += text.length + 1
  }
  const tip = new Uint8Array(32).fill(0xab)
  linkHashesIn(sha256, bytes, places, 3, tip)
  let prev = 'ab'.repeat(32)
  for (const line of bytes.toString('latin1').split('\n')) {
    assert.ok(line.includes(`:${prev} end`), line)
    prev = leafHash(one, Buffer.from(line)).toHex()
  }
  assert.equal(tip.toHex(), prev)
}

test('native code never hears of a place outside of what it was given', unlessBuilt, () => {
  const { leaves, nodes, chain } = many as ManyHashes
  const bytes = new Uint8Array(100)
  const into = new Uint8Array(32)
  for (const places of [[0, 101], [60, 50], [0xffff_ffff, 0], [0]])
    assert.throws(() => leaves(bytes, Uint32Array.from(places), 1, into), RangeError)
  assert.throws(() => leaves(bytes, Uint32Array.of(0, 1, 1, 2), 2, into), RangeError)
  assert.throws(() => nodes(new Uint8Array(63), 1, into), RangeError)
  assert.throws(() => nodes(new Uint8Array(128), 2, into), RangeError)
  for (const places of [
    [0, 101, 0],
    [0, 100, 37],
    [0, 63, 0],
    [0, 100],
  ])
    assert.throws(() => chain(bytes, Uint32Array.from(places), 1, into), RangeError)
  assert.throws(() => chain(bytes, Uint32Array.of(0, 100, 0), 1, new Uint8Array(31)), RangeError)
})

test('where it is not built, or is something else, there is none', () => {
  assert.equal(openManyHashes('/nonexistent/hashes.so'), undefined)
  assert.equal(openManyHashes('libc.so.6'), undefined)
})
