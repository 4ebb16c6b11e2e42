// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { chmod, cp, mkdtempDisposable, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { type Clock, systemClock, systemDisk } from '@sealwatch/base'

import { kmsMasterKey, openSealing, type Sealing, type SealingOptions } from './index.ts'

const at = { tenant: 'default', purpose: 'evidence', place: 'evidence/1' } as const
const unreadable = { code: 'SEALED_UNREADABLE', kind: 'unverified' }
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString()

async function workplace() {
  const dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-sealing-'))
  const open = (more: Partial<SealingOptions> = {}) =>
    openSealing({
      dir: dir.path,
      kmsKeyId: '',
      kms: kmsMasterKey({ clock: systemClock }),
      cache: { ttlMs: 60_000, keysMax: 64 },
      clock: systemClock,
      disk: systemDisk,
      ...more,
    })
  return { path: dir.path, open, [Symbol.asyncDispose]: dir[Symbol.asyncDispose].bind(dir) }
}

const alice = { subject: 'name:alice', plain: Buffer.from('{"/event/actor/user/name":"alice"}') }
const bob = { subject: 'name:bob', plain: Buffer.from('{"/event/file/owner/name":"bob"}') }
const line = (place: string, ...values: (typeof alice)[]) => ({ place, values })
async function sealLine(sealing: Sealing, place: string, ...values: (typeof alice)[]): Promise<Uint8Array> {
  const [sealed] = await sealing.sealPersonal('default', [line(place, ...values)])
  return sealed as Uint8Array
}

test('RIM-4 what is sealed opens again in its own place, also after a restart', async () => {
  await using work = await workplace()
  const first = await work.open()
  const sealed = await first.seal(at, Buffer.from('secret'))
  const personal = await sealLine(first, 'line 1', alice, bob)
  first.close()
  const again = await work.open()
  assert.equal(text(await again.open(at, sealed)), 'secret')
  const { values, erased, lost } = await again.openPersonal('default', 'line 1', personal)
  assert.deepEqual(values.map(text), [text(alice.plain), text(bob.plain)])
  assert.deepEqual([erased, lost], [0, 0])
  again.close()
})

test('no altered byte, no cut, no other place, tenant or purpose opens it', async () => {
  await using work = await workplace()
  const sealing = await work.open()
  const sealed = await sealing.seal(at, Buffer.from('secret'))
  const personal = await sealLine(sealing, 'line 1', alice)
  await sealLine(sealing, 'line 2', bob)
  for (const [bytes, open] of [
    [sealed, (altered: Uint8Array) => sealing.open(at, altered)],
    [personal, (altered: Uint8Array) => sealing.openPersonal('default', 'line 1', altered)],
  ] as const) {
    for (let i = 0; i < bytes.length; i += 1) {
      const altered = Buffer.from(bytes)
      altered[i] = (altered[i] as number) ^ 0x01
      // A byte of the epoch or of the key's name leads to a key that is not there: nothing opens, nothing is forged.
      const opened = await open(altered).catch((error: unknown) => error)
      if (opened instanceof Error) assert.equal((opened as { code?: string }).code, 'SEALED_UNREADABLE', `byte ${i}`)
      else assert.deepEqual(opened, { values: [], erased: 0, lost: 1 }, `byte ${i}`)
      await assert.rejects(open(bytes.subarray(0, i)), unreadable, `cut to ${i}`)
    }
    await assert.rejects(open(Buffer.concat([bytes, Buffer.alloc(1)])), unreadable)
  }
  await assert.rejects(sealing.open({ ...at, place: 'evidence/2' }, sealed), unreadable)
  await assert.rejects(sealing.open({ ...at, purpose: 'quarantine' }, sealed), unreadable)
  await sealing.seal({ ...at, tenant: 'other' }, Buffer.from('x'))
  await assert.rejects(sealing.open({ ...at, tenant: 'other' }, sealed), unreadable)
  await assert.rejects(sealing.openPersonal('default', 'line 2', personal), unreadable)
  await assert.rejects(sealing.openPersonal('default', 'line 1', sealed), unreadable)
  sealing.close()
})

test('what lies on the disk shows neither a value, nor a key, nor a name', async () => {
  await using work = await workplace()
  const sealing = await work.open()
  const sealed = Buffer.concat([await sealing.seal(at, alice.plain), await sealLine(sealing, 'line 1', alice)])
  sealing.close()
  assert.ok(!sealed.includes('alice'))
  for (const name of await readdir(work.path)) {
    assert.equal((await stat(join(work.path, name))).mode & 0o077, 0, name)
    assert.ok(!(await readFile(join(work.path, name))).includes('alice'), name)
  }
})

test('RIM-4 a new epoch: what is old stays readable, what is new needs the new keys, the old master key is destroyed', async () => {
  await using work = await workplace()
  const sealing = await work.open()
  const old = await sealing.seal(at, Buffer.from('old'))
  const oldPersonal = await sealLine(sealing, 'line 1', alice)
  assert.equal((await sealing.rotateMaster()).epoch, 2)
  assert.equal(sealing.status().cached, 0)
  const fresh = await sealing.seal(at, Buffer.from('new'))
  assert.equal(fresh[4], 2)
  assert.equal(sealing.status().toRewrap, 1)
  const seen: number[] = []
  await sealing.rewrap(new AbortController().signal, ({ done, total }) => seen.push(done, total))
  assert.deepEqual(seen, [0, 1, 1, 1])
  assert.deepEqual(
    (await readdir(work.path)).filter((name) => name.startsWith('master-')),
    ['master-2.key'],
  )
  sealing.close()
  const again = await work.open()
  assert.equal(text(await again.open(at, old)), 'old')
  assert.equal(text(await again.open(at, fresh)), 'new')
  assert.equal((await again.openPersonal('default', 'line 1', oldPersonal)).values.length, 1)
  assert.ok(again.status().epochs[0]?.retiredAt)
  again.close()
})

test('erasing a person: nothing of hers opens, all else does, after a restart too, and she may come again', async () => {
  await using work = await workplace()
  const sealing = await work.open()
  const before = await sealLine(sealing, 'line 1', alice, bob)
  await sealing.rotateMaster()
  const between = await sealLine(sealing, 'line 2', alice)
  const label = await sealing.labelOf('default', alice.subject)
  assert.match(label, /^[0-9a-f]{32}$/)
  assert.deepEqual(sealing.erase({ tenant: 'default', label }, 7), { tenantKeys: 0, subjectKeys: 2 })
  const after = await sealLine(sealing, 'line 3', alice)
  const check = async (open: Sealing) => {
    assert.equal(open.applied, 7)
    assert.deepEqual(await open.openPersonal('default', 'line 1', before), {
      values: [Buffer.from(bob.plain)],
      erased: 1,
      lost: 0,
    })
    assert.deepEqual(await open.openPersonal('default', 'line 2', between), { values: [], erased: 1, lost: 0 })
    assert.equal((await open.openPersonal('default', 'line 3', after)).values.length, 1)
    assert.equal(await open.labelOf('default', alice.subject), label)
    open.close()
  }
  await check(sealing)
  await check(await work.open())
})

test('RIM-4 erasing a tenant: nothing of it opens or is sealed again, other tenants live on', async () => {
  await using work = await workplace()
  const sealing = await work.open()
  const sealed = await sealing.seal(at, Buffer.from('secret'))
  const personal = await sealLine(sealing, 'line 1', alice)
  const other = await sealing.seal({ ...at, tenant: 'other' }, Buffer.from('kept'))
  assert.deepEqual(sealing.erase({ tenant: 'default' }, 9), { tenantKeys: 1, subjectKeys: 2 })
  const check = async (open: Sealing) => {
    await assert.rejects(open.open(at, sealed), { code: 'KEYS_ERASED' })
    await assert.rejects(open.seal(at, Buffer.from('more')), { code: 'KEYS_ERASED' })
    await assert.rejects(sealLine(open, 'line 2', alice), { code: 'KEYS_ERASED' })
    await assert.rejects(open.labelOf('default', 'name:alice'), { code: 'KEYS_ERASED' })
    assert.deepEqual(await open.openPersonal('default', 'line 1', personal), { values: [], erased: 1, lost: 0 })
    assert.equal(text(await open.open({ ...at, tenant: 'other' }, other)), 'kept')
  }
  await check(sealing)
  sealing.close()
  const again = await work.open()
  await check(again)
  again.close()
})

test('an older copy of the keys says from which leaf on erasures are to be carried out again', async () => {
  await using work = await workplace()
  const sealing = await work.open()
  sealing.setApplied(3)
  const sealed = await sealLine(sealing, 'line 1', alice)
  const label = await sealing.labelOf('default', alice.subject)
  sealing.close()
  await using copy = await mkdtempDisposable(join(tmpdir(), 'sealwatch-sealing-copy-'))
  await cp(work.path, copy.path, { recursive: true })
  const now = await work.open()
  now.erase({ tenant: 'default', label }, 8)
  now.close()
  const restored = await work.open({ dir: copy.path })
  assert.equal(restored.applied, 3)
  restored.erase({ tenant: 'default', label }, 8)
  assert.deepEqual(await restored.openPersonal('default', 'line 1', sealed), { values: [], erased: 1, lost: 0 })
  restored.close()
})

test('an older copy of the wrapped keys alone is worth nothing once their master key was destroyed', async () => {
  await using work = await workplace()
  const sealing = await work.open()
  await sealing.seal(at, Buffer.from('secret'))
  sealing.close()
  const older = await readFile(join(work.path, 'keys.sqlite'))
  const now = await work.open()
  now.erase({ tenant: 'default' }, 1)
  await now.rotateMaster()
  await now.rewrap(new AbortController().signal, () => undefined)
  now.close()
  await writeFile(join(work.path, 'keys.sqlite'), older)
  await assert.rejects(work.open(), { code: 'KEYS_DAMAGED', kind: 'fatal' })
})

test('master keys without keys.sqlite, one that is missing, cut, or open to others: refused, and nothing is replaced', async () => {
  await using work = await workplace()
  const sealing = await work.open()
  sealing.close()
  const path = join(work.path, 'master-1.key')
  const key = await readFile(path)
  await writeFile(path, key.subarray(1))
  await assert.rejects(work.open(), { code: 'KEYS_DAMAGED' })
  await writeFile(path, key)
  await chmod(path, 0o640)
  await assert.rejects(work.open(), { code: 'KEYS_EXPOSED', received: '"mode 640"' })
  await chmod(path, 0o600)
  await rename(path, `${path}.away`)
  await assert.rejects(work.open(), { code: 'KEYS_DAMAGED', received: '"ENOENT"' })
  await rename(`${path}.away`, path)
  await rename(join(work.path, 'keys.sqlite'), join(work.path, 'away'))
  await assert.rejects(work.open(), { code: 'KEYS_DAMAGED' })
  assert.deepEqual(await readFile(path), key)
  await rm(join(work.path, 'keys.sqlite'))
  await rename(join(work.path, 'away'), join(work.path, 'keys.sqlite'))
  ;(await work.open()).close()
})

test('keys leave memory in time, and come back when needed', async () => {
  await using work = await workplace()
  let nowNs = 0n
  const clock: Clock = { ...systemClock, monotonicNs: () => nowNs }
  const sealing = await work.open({ clock, cache: { ttlMs: 1000, keysMax: 64 } })
  const sealed = await sealing.seal(at, Buffer.from('secret'))
  const personal = await sealLine(sealing, 'line 1', alice)
  assert.equal(sealing.status().cached, 4, 'master, tenant, labels, alice')
  nowNs = 999_999_999n
  sealing.sweep()
  assert.equal(sealing.status().cached, 4)
  nowNs = 1_000_000_000n
  sealing.sweep()
  assert.equal(sealing.status().cached, 0)
  assert.equal(text(await sealing.open(at, sealed)), 'secret')
  sealing.evict('default')
  sealing.evict()
  assert.equal(sealing.status().cached, 0)
  assert.equal((await sealing.openPersonal('default', 'line 1', personal)).values.length, 1)
  sealing.close()
})

test('more persons than fit in memory: each is found again', async () => {
  await using work = await workplace()
  const sealing = await work.open({ cache: { ttlMs: 60_000, keysMax: 4 } })
  const persons = Array.from({ length: 50 }, (_, i) => ({ subject: `name:${i}`, plain: Buffer.from(`${i}`) }))
  const [sealed] = await sealing.sealPersonal('default', [line('line 1', ...persons)])
  assert.ok(sealing.status().cached <= 8)
  const { values } = await sealing.openPersonal('default', 'line 1', sealed as Uint8Array)
  assert.deepEqual(
    values.map(text),
    persons.map(({ plain }) => text(plain)),
  )
  assert.equal(sealing.status().subjectKeys, 51, 'and the one that draws labels')
  sealing.close()
})

test('RIM-4 what is destroyed stands in no file any more, wrapped as it was', async () => {
  await using work = await workplace()
  const sealing = await work.open()
  await sealing.seal(at, Buffer.from('secret'))
  await sealLine(sealing, 'line 1', alice, bob)
  const label = await sealing.labelOf('default', alice.subject)
  sealing.close()
  const database = new DatabaseSync(join(work.path, 'keys.sqlite'), { readOnly: true })
  const wrapped = (sql: string) => (database.prepare(sql).all() as { wrapped: Uint8Array }[]).map((row) => row.wrapped)
  const hers = wrapped(`SELECT wrapped FROM subject_keys WHERE label = x'${label}'`)
  const theirs = wrapped(`SELECT wrapped FROM subject_keys WHERE label <> x'${label}'`)
  const tenants = wrapped('SELECT wrapped FROM tenant_keys')
  database.close()
  assert.deepEqual([hers.length, theirs.length, tenants.length], [1, 2, 1])
  const standing = async (keys: readonly Uint8Array[]) => {
    const names = (await readdir(work.path)).filter((name) => name.startsWith('keys.sqlite'))
    const files = await Promise.all(names.map((name) => readFile(join(work.path, name))))
    return keys.filter((key) => files.some((file) => file.includes(key))).length
  }
  const again = await work.open()
  again.erase({ tenant: 'default', label }, 1)
  assert.deepEqual([await standing(hers), await standing(theirs), await standing(tenants)], [0, 2, 1])
  again.erase({ tenant: 'default' }, 2)
  assert.deepEqual([await standing(theirs), await standing(tenants)], [0, 0])
  again.close()
})
