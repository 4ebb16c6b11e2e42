// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock, systemDisk } from '@sealwatch/base'
import { type MasterKey, openSealing } from './index.ts'
import type { WrapPlace } from './master-key.ts'

const at = { tenant: 'default', purpose: 'evidence', place: 'evidence/1' } as const
const plain = Buffer.from('secret')
const never = new AbortController().signal

/** A master key that answers when the test says so, and forgets what was wrapped under an epoch that was destroyed. */
function slowMasterKey() {
  const asked: { readonly place: WrapPlace; readonly answer: () => void }[] = []
  const dead = new Set<number>()
  let waits = false
  const turn = (place: WrapPlace) =>
    new Promise<void>((resolve) => (waits ? asked.push({ place, answer: resolve }) : resolve()))
  const check = (place: WrapPlace) => assert.ok(!dead.has(place.masterEpoch), `epoch ${place.masterEpoch} is destroyed`)
  const key: MasterKey = {
    begin: async () => 'arn',
    wrap: async (_keyId, place, bytes) => {
      check(place)
      await turn(place)
      return Buffer.concat([Buffer.from([place.masterEpoch]), bytes])
    },
    unwrap: async (_keyId, place, wrapped) => {
      await turn(place)
      check(place)
      assert.equal(wrapped[0], place.masterEpoch)
      return Uint8Array.from(wrapped.subarray(1))
    },
    check: async () => undefined,
    probe: async () => undefined,
    destroy: async (epoch) => void dead.add(epoch),
  }
  return {
    key,
    wait: () => {
      waits = true
    },
    /** The oldest question; those after it are answered at once. */
    asked: async () => {
      while (asked.length === 0) await new Promise(setImmediate)
      waits = false
      return asked.shift() as (typeof asked)[number]
    },
  }
}

async function workplace() {
  const dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-races-'))
  const slow = slowMasterKey()
  const cache = { ttlMs: 60_000, keysMax: 64 }
  const sealing = await openSealing({
    dir: dir.path,
    kmsKeyId: 'a key',
    kms: slow.key,
    cache,
    clock: systemClock,
    disk: systemDisk,
  })
  return {
    slow,
    sealing,
    [Symbol.asyncDispose]: async () => {
      sealing.close()
      await dir.remove()
    },
  }
}

test('a key that is being wrapped while its epoch ends is wrapped under the next', async () => {
  await using work = await workplace()
  const { slow, sealing } = work
  slow.wait()
  const sealed = sealing.seal(at, plain)
  const { place, answer } = await slow.asked()
  assert.equal(place.masterEpoch, 1)
  await sealing.rotateMaster()
  await sealing.rewrap(never, () => undefined)
  assert.ok(sealing.status().epochs[0]?.retiredAt, 'nothing was under it')
  answer()
  const bytes = await sealed
  assert.equal(sealing.status().toRewrap, 0)
  sealing.evict()
  assert.deepEqual(await sealing.open(at, bytes), plain)
})

test('RIM-4 what was about to be sealed when an epoch began is sealed under its keys, also a person’s', async () => {
  await using work = await workplace()
  const { slow, sealing } = work
  const personal = [{ place: 'line', values: [{ subject: 'name:alice', plain }] }]
  await sealing.sealPersonal('default', personal)
  for (const seal of [
    () => sealing.seal(at, plain),
    async () => (await sealing.sealPersonal('default', personal))[0],
  ]) {
    sealing.evict()
    slow.wait()
    const sealed = seal()
    const { place, answer } = await slow.asked()
    const { epoch } = await sealing.rotateMaster()
    answer()
    assert.ok(place.epoch < epoch)
    const bytes = (await sealed) as Uint8Array
    assert.equal(bytes[4], epoch)
  }
})

test('RIM-4 a key that is fetched while it is evicted opens nothing: it is asked for again', async () => {
  await using work = await workplace()
  const { slow, sealing } = work
  const bytes = await sealing.seal(at, plain)
  sealing.evict()
  slow.wait()
  const opened = sealing.open(at, bytes)
  const { answer } = await slow.asked()
  assert.equal(sealing.evict(), 0)
  // What was fetched before is worth nothing now: had it been used, this would be the last time anybody asks.
  slow.wait()
  answer()
  const again = await slow.asked()
  assert.equal(sealing.cached, 0)
  again.answer()
  assert.deepEqual(await opened, plain)
  assert.equal(sealing.evict('default'), 2, 'and what was derived from it')
  assert.equal(sealing.evict('default'), 0)
})

test('a key that is being unwrapped while it is wrapped anew is read as it is now', async () => {
  await using work = await workplace()
  const { slow, sealing } = work
  const bytes = await sealing.seal(at, plain)
  sealing.evict()
  slow.wait()
  const opened = sealing.open(at, bytes)
  const { answer } = await slow.asked()
  await sealing.rotateMaster()
  await sealing.rewrap(never, () => undefined)
  answer()
  assert.deepEqual(await opened, plain)
})

test('a tenant that is erased while its key is being made or fetched stays erased', async () => {
  await using work = await workplace()
  const { slow, sealing } = work
  slow.wait()
  const making = sealing.seal(at, plain)
  const made = await slow.asked()
  sealing.erase({ tenant: 'default' }, 1)
  made.answer()
  await assert.rejects(making, { code: 'KEYS_ERASED' })
  assert.equal(sealing.status().epochs[0]?.tenantKeys, 0)
  const other = { ...at, tenant: 'other' }
  const bytes = await sealing.seal(other, plain)
  sealing.evict()
  slow.wait()
  const fetching = sealing.open(other, bytes)
  const fetched = await slow.asked()
  sealing.erase({ tenant: 'other' }, 2)
  fetched.answer()
  await assert.rejects(fetching, { code: 'KEYS_ERASED' })
  await assert.rejects(sealing.open(other, bytes), { code: 'KEYS_ERASED' })
  assert.equal(sealing.status().cached, 0)
})

test('a person who is erased while her values are being opened stays erased, for all who ask', async () => {
  await using work = await workplace()
  const { slow, sealing } = work
  const subject = 'name:alice'
  const [bytes] = await sealing.sealPersonal('default', [{ place: 'line', values: [{ subject, plain }] }])
  const label = await sealing.labelOf('default', subject)
  sealing.evict()
  slow.wait()
  const open = () => sealing.openPersonal('default', 'line', bytes as Uint8Array)
  const opening = [open(), open()]
  const { answer } = await slow.asked()
  sealing.erase({ tenant: 'default', label }, 1)
  answer()
  const gone = { values: [], erased: 1, lost: 0 }
  assert.deepEqual(await Promise.all(opening), [gone, gone])
  assert.deepEqual(await open(), gone)
})
