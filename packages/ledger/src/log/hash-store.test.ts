// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemDisk } from '@sealwatch/base'
import fc from 'fast-check'
import { naivePath, naiveProof, naiveRoot } from '../../test/naive-merkle.ts'
import { temporary } from '../../test/sample.ts'
import { sha256 } from '../sha256.ts'
import { equal, leafHash } from '../verify/merkle.ts'
import { type HashStore, openHashStore } from './hash-store.ts'
import { consistencyProof, inclusionProof } from './proofs.ts'

const entriesOf = (count: number) => Array.from({ length: count }, (_, i) => Buffer.from(`entry ${i}`))
const hashesOf = (entries: readonly Buffer[]) => entries.map((entry) => leafHash(sha256, entry))
const sameHashes = (a: readonly Uint8Array[], b: readonly Uint8Array[]) =>
  a.length === b.length && a.every((hash, i) => equal(hash, b[i] as Uint8Array))

const open = (dir: string, size: number) => openHashStore(dir, size, systemDisk) as HashStore

test('a store that grows in pieces, over restarts, holds the tree of RFC 9162', async () => {
  const pieces = fc.array(fc.nat(150), { minLength: 1, maxLength: 8 })
  await fc.assert(
    fc.asyncProperty(pieces, async (counts) => {
      await using dir = await temporary()
      let size = 0
      for (const count of counts) {
        const store = open(dir.path, size)
        assert.equal(store.size, size)
        store.append(Buffer.concat(hashesOf(entriesOf(size + count).slice(size))))
        size += count
        assert.ok(equal(store.root(), naiveRoot(entriesOf(size))))
        store.close()
      }
    }),
    { numRuns: 15 },
  )
})

test('its proofs are those of RFC 9162, for every size of the past', async () => {
  await using dir = await temporary()
  const sizeMax = 600
  const entries = entriesOf(sizeMax)
  const store = open(dir.path, 0)
  store.append(Buffer.concat(hashesOf(entries)))
  const cases = fc.tuple(fc.integer({ min: 1, max: sizeMax }), fc.nat(), fc.nat())
  fc.assert(
    fc.property(cases, ([size, a, b]) => {
      const tree = entries.slice(0, size)
      assert.ok(equal(store.rootOf(0, size), naiveRoot(tree)))
      const index = a % size
      assert.ok(sameHashes(inclusionProof(store, index, size), naivePath(index, tree)), `entry ${index} of ${size}`)
      const old = 1 + (b % size)
      const due = old === size ? [] : naiveProof(old, tree)
      assert.ok(sameHashes(consistencyProof(store, old, size), due), `${old} to ${size}`)
    }),
    { numRuns: 60 },
  )
  assert.deepEqual(consistencyProof(store, 0, 5), [])
  assert.throws(() => store.subtree(0, sizeMax), RangeError)
  assert.throws(() => store.leaves(sizeMax - 1, sizeMax + 1), RangeError)
  store.close()
})

test('what is beyond its size is dropped, on every level; what is short is told', async () => {
  await using dir = await temporary()
  const store = open(dir.path, 0)
  store.append(Buffer.concat(hashesOf(entriesOf(700))))
  store.close()
  const cut = open(dir.path, 255)
  assert.deepEqual((await readdir(dir.path)).sort(), ['hashes-0'])
  const others = Array.from({ length: 300 }, (_, i) => Buffer.from(`other ${i}`))
  cut.append(Buffer.concat(hashesOf(others)))
  assert.ok(equal(cut.subtree(8, 1), naiveRoot([...entriesOf(255), ...others].slice(256, 512))))
  cut.close()
  assert.equal(openHashStore(dir.path, 556, systemDisk), undefined)
  await rm(join(dir.path, 'hashes-1'))
  assert.equal(openHashStore(dir.path, 555, systemDisk), undefined)
  await writeFile(join(dir.path, 'hashes-4'), 'stale')
  const empty = open(dir.path, 0)
  assert.deepEqual(empty.root(), sha256(new Uint8Array(0)))
  empty.close()
  assert.deepEqual(await readdir(dir.path), [])
})
