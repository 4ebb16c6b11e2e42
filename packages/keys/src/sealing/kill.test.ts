// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cp, mkdtempDisposable, readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { test } from 'node:test'
import { systemClock, systemDisk } from '@sealwatch/base'
import { kmsMasterKey, openSealing } from './index.ts'

const tenants = ['a', 'b', 'c', 'd']
const child = join(import.meta.dirname, '../../test/rotate-child.ts')
const writesMax = 100

const open = (dir: string) =>
  openSealing({
    dir,
    kmsKeyId: '',
    kms: kmsMasterKey({ clock: systemClock }),
    cache: { ttlMs: 60_000, keysMax: 64 },
    clock: systemClock,
    disk: systemDisk,
  })

const placeOf = (tenant: string) => ({ tenant, purpose: 'evidence', place: 'evidence/1' }) as const

test('RIM-4 kill -9 before any write of a rotation: everything opens, and the next start ends the work', async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-kill-'))
  const whole = join(dir.path, 'whole')
  const first = await open(whole)
  const sealed = new Map<string, Uint8Array>()
  for (const tenant of tenants) sealed.set(tenant, await first.seal(placeOf(tenant), Buffer.from(tenant)))
  first.close()
  const epochs = new Set<number>()
  const left = new Set<number>()
  for (let n = 1; ; n += 1) {
    assert.ok(n < writesMax)
    const path = join(dir.path, String(n))
    await cp(whole, path, { recursive: true })
    const { signal, status, stderr } = spawnSync(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', child, path, String(n)],
      { encoding: 'utf8' },
    )
    assert.ok(signal === 'SIGKILL' || status === 0, stderr)
    const sealing = await open(path)
    epochs.add(sealing.status().epoch)
    left.add(sealing.status().toRewrap)
    for (const tenant of tenants) {
      const opened = await sealing.open(placeOf(tenant), sealed.get(tenant) as Uint8Array)
      assert.equal(Buffer.from(opened).toString(), tenant, `killed before write ${n}`)
    }
    await sealing.rewrap(new AbortController().signal, () => undefined)
    const { epoch, toRewrap } = sealing.status()
    assert.equal(toRewrap, 0)
    sealing.close()
    // That of an epoch that has not begun may be there: its next beginning replaces it.
    const masters = (await readdir(path)).filter(
      (name) => /^master-.*key$/.test(name) && name !== `master-${epoch + 1}.key`,
    )
    assert.deepEqual(masters, [`master-${epoch}.key`], `killed before write ${n}`)
    if (signal === null) break
  }
  assert.deepEqual([...epochs], [1, 2])
  assert.deepEqual(
    [...left].sort((a, b) => a - b),
    [...tenants.keys(), tenants.length],
  )
})
