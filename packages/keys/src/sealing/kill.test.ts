// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { cpSync } from 'node:fs'
import { mkdtempDisposable, readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync, StatementSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import { type Disk, systemClock, systemDisk } from '@sealwatch/base'
import { kmsMasterKey, openSealing } from './index.ts'

/** More than are wrapped anew at once. */
const tenants = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j']
const never = new AbortController().signal

const open = (dir: string, disk: Disk = systemDisk) =>
  openSealing({
    dir,
    kmsKeyId: '',
    kms: kmsMasterKey({ clock: systemClock }),
    cache: { ttlMs: 60_000, keysMax: 64 },
    clock: systemClock,
    disk,
  })

const placeOf = (tenant: string) => ({ tenant, purpose: 'evidence', place: 'evidence/1' }) as const

/** Calls `before` ahead of each write to the disk: what lies there then is what a kill -9 leaves. */
function aheadOfWrites(t: TestContext, before: () => void): Disk {
  for (const [holder, name] of [
    [DatabaseSync.prototype, 'exec'],
    [StatementSync.prototype, 'run'],
  ] as const) {
    const write = (holder as unknown as Record<string, (...args: unknown[]) => unknown>)[name]
    t.mock.method(
      holder as unknown as Record<string, () => unknown>,
      name,
      function (this: unknown, ...args: unknown[]) {
        before()
        return write?.apply(this, args)
      },
    )
  }
  const replace: Disk['replace'] = (...args) => {
    before()
    return systemDisk.replace(...args)
  }
  const remove: Disk['remove'] = (path) => {
    before()
    return systemDisk.remove(path)
  }
  return { ...systemDisk, replace, remove }
}

test('RIM-4 kill -9 before any write of two rotations and of wrapping anew: everything opens, and the next start ends the work', async (t) => {
  await using dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-kill-'))
  const whole = join(dir.path, 'whole')
  const sealed: { readonly tenant: string; readonly bytes: Uint8Array; readonly from: number }[] = []
  const left: string[] = []
  let isArmed = false
  const disk = aheadOfWrites(t, () => {
    if (!isArmed) return
    left.push(join(dir.path, String(left.length)))
    cpSync(whole, left.at(-1) as string, { recursive: true })
  })
  const sealing = await open(whole, disk)
  const seal = async (tenant: string) =>
    sealed.push({ tenant, bytes: await sealing.seal(placeOf(tenant), Buffer.from(tenant)), from: left.length })
  for (const tenant of tenants) await seal(tenant)
  isArmed = true
  await sealing.rotateMaster()
  await seal('a')
  // The work of the first is not done yet.
  await sealing.rotateMaster()
  await seal('b')
  await sealing.rewrap(never, () => undefined)
  isArmed = false
  sealing.close()
  t.mock.restoreAll()

  const seen = new Set<string>()
  for (const [n, path] of [...left, whole].entries()) {
    const again = await open(path)
    seen.add(`${again.status().epoch}: ${again.status().toRewrap}`)
    for (const { tenant, bytes, from } of sealed) {
      if (from > n) continue
      assert.equal(Buffer.from(await again.open(placeOf(tenant), bytes)).toString(), tenant, `killed before write ${n}`)
    }
    await again.rewrap(never, () => undefined)
    const { epoch, toRewrap } = again.status()
    assert.equal(toRewrap, 0)
    again.close()
    // That of an epoch that has not begun may be there: its next beginning replaces it.
    const masters = (await readdir(path)).filter(
      (name) => /^master-.*key$/.test(name) && name !== `master-${epoch + 1}.key`,
    )
    assert.deepEqual(masters, [`master-${epoch}.key`], `killed before write ${n}`)
  }
  assert.deepEqual([...seen], ['1: 0', '2: 10', '3: 11', '3: 3', '3: 0'])
})
