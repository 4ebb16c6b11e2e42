// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { mkdtempDisposable, readFile, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemDisk } from '@sealwatch/base'
import fc from 'fast-check'
import { loadOrCreateSealer } from './sealer.ts'

const temporary = () => mkdtempDisposable(join(tmpdir(), 'sealwatch-sealer-'))
const unreadable = { code: 'SEALED_UNREADABLE', kind: 'unverified' }

test('what is sealed opens again, in its own place, also by the key found again', async () => {
  await using dir = await temporary()
  const path = join(dir.path, 'tenant.key')
  const sealer = await loadOrCreateSealer(path, systemDisk)
  const again = await loadOrCreateSealer(path, systemDisk)
  assert.equal((await stat(path)).mode & 0o777, 0o600)
  assert.equal((await readFile(path)).length, 32)
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.string(), (plain, place) => {
      assert.deepEqual(new Uint8Array(again.open(place, sealer.seal(place, plain))), plain)
    }),
  )
})

test('what is sealed shows nothing of itself, and never twice the same', async () => {
  await using dir = await temporary()
  const sealer = await loadOrCreateSealer(join(dir.path, 'key'), systemDisk)
  const plain = Buffer.from('root')
  const [first, second] = [sealer.seal('place', plain), sealer.seal('place', plain)]
  assert.notDeepEqual(first, second)
  assert.ok(!Buffer.from(first).includes(plain))
})

test('no altered byte, no cut, no other place and no other key opens it', async () => {
  await using dir = await temporary()
  const sealer = await loadOrCreateSealer(join(dir.path, 'key'), systemDisk)
  const other = await loadOrCreateSealer(join(dir.path, 'other'), systemDisk)
  const sealed = sealer.seal('line 7', Buffer.from('root'))
  for (let at = 0; at < sealed.length; at += 1) {
    for (const mask of [0x01, 0x80, 0xff]) {
      const altered = Buffer.from(sealed)
      altered[at] = (altered[at] as number) ^ mask
      assert.throws(() => sealer.open('line 7', altered), unreadable, `byte ${at}`)
    }
    assert.throws(() => sealer.open('line 7', sealed.subarray(0, at)), unreadable, `cut to ${at}`)
    assert.throws(() => sealer.open('line 7', sealed.subarray(at + 1)), unreadable, `without the first ${at + 1}`)
  }
  assert.throws(() => sealer.open('line 8', sealed), unreadable)
  assert.throws(() => other.open('line 7', sealed), unreadable)
  assert.throws(() => sealer.open('line 7', Buffer.concat([sealed, Buffer.alloc(1)])), unreadable)
})

test('a key of another length is refused, not used and not replaced', async () => {
  await using dir = await temporary()
  const path = join(dir.path, 'key')
  for (const length of [0, 16, 31, 33]) {
    await writeFile(path, Buffer.alloc(length, 1))
    await assert.rejects(loadOrCreateSealer(path, systemDisk), unreadable)
    assert.equal((await readFile(path)).length, length)
  }
})
