// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock, systemDisk } from '@sealwatch/base'
import { kmsMasterKey, type MasterKey, openSealing } from './index.ts'

const tenants = Array.from({ length: 16 }, (_, i) => `tenant-${i}`)
const workers = 8
const rotations = 2
const never = new AbortController().signal

/** Keys elsewhere: each answer comes some turns of the event loop later. */
function farMasterKey(): MasterKey {
  const turns = async (count: number) => {
    for (let i = 0; i < count; i += 1) await new Promise(setImmediate)
  }
  return {
    begin: async () => {
      await turns(5)
      return 'arn'
    },
    wrap: async (_keyId, { masterEpoch }, key) => {
      const wrapped = Buffer.concat([Buffer.from([masterEpoch]), key])
      await turns(5)
      return wrapped
    },
    unwrap: async (_keyId, { masterEpoch }, wrapped) => {
      await turns(5)
      assert.equal(wrapped[0], masterEpoch)
      return Uint8Array.from(wrapped.subarray(1))
    },
    check: async () => undefined,
    probe: async () => undefined,
    destroy: async () => undefined,
  }
}

for (const [where, kmsKeyId, kms] of [
  ['in a file', '', kmsMasterKey({ clock: systemClock })],
  ['elsewhere', 'a key', farMasterKey()],
] as const)
  test(`RIM-4 requests flow while keys are evicted, rotated and wrapped anew, the master key ${where}: none fails`, async () => {
    await using dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-load-'))
    const cache = { ttlMs: 60_000, keysMax: 1024 }
    const sealing = await openSealing({
      dir: dir.path,
      kmsKeyId,
      kms,
      cache,
      clock: systemClock,
      disk: systemDisk,
    })
    let isOver = false
    let [requests, failed] = [0, 0]
    const kept: { readonly at: { tenant: string; purpose: 'evidence'; place: string }; readonly bytes: Uint8Array }[] =
      []

    async function request(n: number): Promise<void> {
      const at = { tenant: tenants[n % tenants.length] as string, purpose: 'evidence', place: `evidence/${n}` } as const
      const bytes = await sealing.seal(at, Buffer.from(at.place))
      assert.equal(Buffer.from(await sealing.open(at, bytes)).toString(), at.place)
      const [line] = await sealing.sealPersonal(at.tenant, [
        { place: at.place, values: [{ subject: `name:${n % 7}`, plain: Buffer.from('x') }] },
      ])
      const { values } = await sealing.openPersonal(at.tenant, at.place, line as Uint8Array)
      assert.equal(values.length, 1)
      kept.push({ at, bytes })
    }

    async function work(from: number): Promise<void> {
      for (let n = from; !isOver; n += workers) {
        requests += 1
        await request(n).catch((error: unknown) => {
          failed += 1
          console.error(error)
        })
        await new Promise(setImmediate)
      }
    }

    const working = Array.from({ length: workers }, (_, from) => work(from))
    const flowed = async (count: number) => {
      const before = requests
      while (requests - before < count) await new Promise(setImmediate)
    }
    for (let i = 0; i < rotations; i += 1) {
      await flowed(2 * tenants.length)
      assert.ok(sealing.evict() > 0)
      const { epoch } = await sealing.rotateMaster()
      // Not a single one under what may be known, from here on.
      const from = kept.length
      const begun = requests
      const wrapping = sealing.rewrap(never, () => undefined)
      await flowed(2 * tenants.length)
      await wrapping
      assert.ok(requests > begun)
      for (const { bytes } of kept.slice(from + workers)) assert.equal(bytes[4], epoch)
    }
    await flowed(tenants.length)
    isOver = true
    await Promise.all(working)
    assert.equal(failed, 0, `of ${requests}`)
    assert.equal(kept.length, requests)
    await sealing.rewrap(never, () => undefined)
    sealing.evict()
    for (const { at, bytes } of kept) assert.equal(Buffer.from(await sealing.open(at, bytes)).toString(), at.place)
    assert.deepEqual(
      sealing.status().epochs.map(({ tenantKeys }) => tenantKeys),
      [0, 0, (rotations + 1) * tenants.length],
    )
    sealing.close()
  })
