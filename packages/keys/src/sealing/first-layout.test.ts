// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { mkdir, mkdtempDisposable, readdir, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock, systemDisk } from '@sealwatch/base'
import { kmsMasterKey, openSealing } from './index.ts'

type Vectors = {
  readonly tenant: string
  readonly key: string
  readonly values: readonly { readonly place: string; readonly plain: string; readonly sealed: string }[]
}
const path = join(import.meta.dirname, '../../../../vectors/sealing/first-layout.json')
const { tenant, key, values } = JSON.parse(await readFile(path, 'utf8')) as Vectors

const open = (dir: string) =>
  openSealing({
    dir,
    kmsKeyId: '',
    kms: kmsMasterKey({ clock: systemClock }),
    cache: { ttlMs: 60_000, keysMax: 64 },
    clock: systemClock,
    disk: systemDisk,
  })

test('a bare key from before epochs is taken under the master key, and what it sealed opens', async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-first-'))
  const bare = join(dir.path, `kek-${tenant}.key`)
  for (const _start of ['the first', 'one after a crash that left the bare key there']) {
    await writeFile(bare, Buffer.from(key, 'hex'))
    const sealing = await open(dir.path)
    assert.ok(!(await readdir(dir.path)).includes(`kek-${tenant}.key`))
    for (const { place, plain, sealed } of values) {
      const bytes = Buffer.from(sealed, 'hex')
      const at = { tenant, purpose: 'quarantine', place } as const
      assert.equal(Buffer.from(await sealing.open(at, bytes)).toString(), plain)
      const { values: opened } = await sealing.openPersonal(tenant, place, bytes)
      assert.deepEqual(opened, [Buffer.from(plain)])
      await assert.rejects(sealing.open({ ...at, place: `${place}x` }, bytes), { code: 'SEALED_UNREADABLE' })
      await assert.rejects(sealing.open(at, bytes.subarray(0, -1)), { code: 'SEALED_UNREADABLE' })
      await assert.rejects(sealing.open(at, bytes.subarray(0, 20)), { code: 'SEALED_UNREADABLE' })
    }
    await sealing.rotateMaster()
    await sealing.rewrap(new AbortController().signal, () => undefined)
    sealing.close()
  }
  const sealing = await open(dir.path)
  assert.ok(sealing.hasFirstLayout(tenant))
  sealing.erase({ tenant }, 1)
  for (const { place, sealed } of values) {
    const bytes = Buffer.from(sealed, 'hex')
    await assert.rejects(sealing.open({ tenant, purpose: 'quarantine', place }, bytes), { code: 'KEYS_ERASED' })
    assert.deepEqual(await sealing.openPersonal(tenant, place, bytes), { values: [], erased: 1, lost: 0 })
  }
  sealing.close()
})

test('a bare key of another length is refused and left where it is', async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-first-'))
  await mkdir(dir.path, { recursive: true })
  await writeFile(join(dir.path, 'kek-default.key'), Buffer.alloc(31, 1))
  await assert.rejects(open(dir.path), { code: 'KEYS_DAMAGED', received: '"31 bytes"' })
  assert.equal((await readFile(join(dir.path, 'kek-default.key'))).length, 31)
})
