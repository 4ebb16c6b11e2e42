// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempDisposable, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { test } from 'node:test'
import { systemClock, systemDisk } from '@sealwatch/base'
import { kmsMasterKey, openSealing } from './index.ts'

const skip = process.getuid?.() === 0 ? false : 'SKIPPED: mounting a small disk needs root'

test('LOG-6, RIM-4 a full disk: a new key is refused, so are an epoch and wrapping anew, the old epoch goes on, and there is room later', {
  skip,
}, async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-full-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'sealwatch-test', dir.path])
  try {
    const open = () =>
      openSealing({
        dir: join(dir.path, 'keys'),
        kmsKeyId: '',
        kms: kmsMasterKey({ clock: systemClock }),
        cache: { ttlMs: 60_000, keysMax: 64 },
        clock: systemClock,
        disk: systemDisk,
      })
    const sealing = await open()
    const seal = (subject: string) =>
      sealing.sealPersonal('default', [{ place: 'line', values: [{ subject, plain: Buffer.from(subject) }] }])
    const [first] = await seal('name:0')
    const filler = join(dir.path, 'filler')
    await writeFile(filler, Buffer.alloc(1 << 20)).catch(() => undefined)
    const full = { code: 'DISK_FULL', kind: 'exhausted' }
    let person = 1
    // What the log of SQLite has allocated already may still take some.
    await assert.rejects(async () => {
      for (; ; person += 1) await seal(`name:${person}`)
    }, full)
    const keys = sealing.status().subjectKeys
    assert.ok((await sealing.openPersonal('default', 'line', first as Uint8Array)).values.length === 1)
    await assert.rejects(sealing.rotateMaster(), full)
    assert.equal(sealing.epoch, 1)
    await seal('name:0')
    await rm(filler)
    const [later] = await seal(`name:${person}`)
    assert.equal(sealing.status().subjectKeys, keys + 1)
    assert.equal((await sealing.rotateMaster()).epoch, 2)
    sealing.close()
    const again = await open()
    // Its log is as long as nothing: whatever is written needs room.
    await writeFile(filler, Buffer.alloc(1 << 20)).catch(() => undefined)
    await assert.rejects(
      again.rewrap(new AbortController().signal, () => undefined),
      full,
    )
    await assert.rejects(again.rotateMaster(), full)
    assert.deepEqual([again.epoch, again.toRewrap], [2, 1])
    assert.equal((await again.openPersonal('default', 'line', later as Uint8Array)).values.length, 1)
    await rm(filler)
    await again.rewrap(new AbortController().signal, () => undefined)
    assert.equal((await again.rotateMaster()).epoch, 3)
    assert.equal((await again.openPersonal('default', 'line', later as Uint8Array)).values.length, 1)
    again.close()
  } finally {
    execFileSync('umount', ['-l', dir.path])
  }
})
