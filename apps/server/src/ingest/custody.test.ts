// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { cp, mkdtempDisposable, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock as clock, createBell, createLog, systemDisk as disk, type JsonObject } from '@sealwatch/base'
import { generateSigner, openOwnSigner, verifyEd25519 } from '@sealwatch/keys'
import { kmsMasterKey, openSealing, type RewrapProgress } from '@sealwatch/keys/sealing'
import { chainStart, type Line, linkBatch, openChain, sha256, verifyBatch } from '@sealwatch/ledger'
import { erased } from '../custody/events.ts'
import { createKeyTender, createSideCustody, openErasures } from '../custody/index.ts'
import type { ServerVoice } from '../identity/index.ts'
import { createOutbox, openStore } from '../store/index.ts'
import { indexEntries, openIndexHere, openLedgers, publishOutbox } from './index.ts'

const tenants = ['default', 'cluster'] as const
const voice: ServerVoice = {
  device: {
    uid: 'd1',
    hostname: 'here',
    type_id: 0,
    type: 'Unknown',
    os: { name: 'Linux', type_id: 200, type: 'Linux' },
  },
  version: '0',
}
const leafHash = 'ab'.repeat(32)
const salt = '0'.repeat(32)
const values = {
  '/event/actor/user/name': { salt, value: 'alice' },
  '/event/file/owner/name': { salt, value: 'bob' },
}
const line = { event: { actor: { user: { uid: '1' } }, file: { owner: { uid: '2' } } } } as unknown as Line

const openLedgersIn = async (dir: string) =>
  openLedgers({
    dir: join(dir, 'ledgers'),
    deployment: 'sealwatch-00000000',
    tenants,
    keysDir: join(dir, 'ledger-keys'),
    auditSigner: await openOwnSigner(join(dir, 'audit.key'), disk),
    log: createLog('test', () => undefined, clock.nowMs),
    labelKey: new Uint8Array(32),
    clock,
    disk,
  })

/** The rooms around the keys over one directory, as a server start wires them. */
async function openRooms(dir: string) {
  await using stack = new AsyncDisposableStack()
  const said: string[] = []
  const log = createLog('test', (text) => said.push(text), clock.nowMs)
  const store = openStore(dir)
  stack.defer(() => store.close())
  const index = openIndexHere(store.indexPath)
  stack.defer(() => index.close())
  const outbox = createOutbox(store)
  const cache = { ttlMs: 60_000, keysMax: 64 }
  const kms = kmsMasterKey({ clock })
  const sealing = await openSealing({ dir: join(dir, 'keys'), kmsKeyId: '', kms, cache, clock, disk })
  stack.defer(() => sealing.close())
  const ledgers = await openLedgersIn(dir)
  stack.defer(() => ledgers.close())
  const cluster = ledgers.get('cluster')
  const erasures = await openErasures({ ledger: cluster, sealing, store, outbox, voice, clock, log })
  const tender = createKeyTender({ sealing, store, outbox, voice, clock, log })
  const stop = new AbortController()
  const { signal } = stop
  const bell = createBell()
  const positions = new Map<string, number>()
  const waitFor = async (tenant: string, leaf: number) => {
    while ((positions.get(tenant) ?? 0) < leaf && !signal.aborted) await bell.wait(signal)
  }
  const followers = Promise.all([
    ...tenants.map((tenant) =>
      indexEntries({
        ledger: ledgers.get(tenant),
        store,
        index,
        outbox,
        signal,
        onIndexed: (position) => {
          positions.set(tenant, position)
          bell.ring()
        },
      }),
    ),
    publishOutbox({ outbox, ledgers, indexed: waitFor('cluster', cluster.size), clock, log, signal }),
    erasures.run(signal),
    tender.run(signal, () => true),
  ])
  stack.defer(async () => {
    stop.abort()
    await followers
  })
  const linesOf = async () =>
    (await cluster.read(0, cluster.size)).map(({ line: bytes }) => Buffer.from(bytes).toString())
  const eventsOf = async (code: string) => (await linesOf()).filter((text) => text.includes(`"event_code":"${code}"`))
  const opened = stack.move()
  return {
    side: createSideCustody(sealing, log),
    sealing,
    erasures,
    tender,
    cluster,
    eventsOf,
    waitFor,
    said,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

type Rooms = Awaited<ReturnType<typeof openRooms>>
const temporary = () => mkdtempDisposable(join(tmpdir(), 'sealwatch-custody-'))

async function sealed({ side }: Rooms): Promise<Uint8Array> {
  const [bytes] = await side.seal('default', [{ line, leafHash, values }])
  return bytes as Uint8Array
}

async function opened({ side }: Rooms, bytes: Uint8Array): Promise<string[]> {
  const text = await side.open('default', leafHash, bytes)
  return text === '' ? [] : Object.keys(JSON.parse(text) as object)
}

test('erasing a person: her values are gone, his are not, and the ledger says so without her name', async () => {
  await using dir = await temporary()
  let bytes: Uint8Array
  {
    await using rooms = await openRooms(dir.path)
    bytes = await sealed(rooms)
    assert.deepEqual(await opened(rooms, bytes), Object.keys(values))
    const { label, leafIndex, subjectKeys } = await rooms.erasures.eraseSubject(
      'default',
      'name:alice',
      'operator:root',
    )
    assert.equal(subjectKeys, 1)
    assert.deepEqual(await opened(rooms, bytes), ['/event/file/owner/name'])
    const [event, ...more] = await rooms.eventsOf('subject_erased')
    assert.deepEqual(more, [])
    assert.ok(event !== undefined && label !== undefined)
    assert.ok(event.includes(`"erased_subject":"${label}"`))
    assert.ok(!event.includes('alice'))
    assert.equal(JSON.parse(event).seq, leafIndex)
    const again = await rooms.erasures.eraseSubject('default', 'name:alice', 'operator:root')
    assert.deepEqual([again.subjectKeys, again.label], [0, label])
  }
  await using rooms = await openRooms(dir.path)
  assert.deepEqual(await opened(rooms, bytes), ['/event/file/owner/name'])
  assert.equal((await rooms.eventsOf('subject_erased')).length, 2)
})

test('an older copy of the keys, restored: the ledger has the erasure carried out again before anything is opened', async () => {
  await using dir = await temporary()
  await using copy = await temporary()
  const keys = join(dir.path, 'keys')
  let bytes: Uint8Array
  {
    await using rooms = await openRooms(dir.path)
    bytes = await sealed(rooms)
  }
  await cp(keys, join(copy.path, 'keys'), { recursive: true })
  {
    await using rooms = await openRooms(dir.path)
    await rooms.erasures.eraseSubject('default', 'name:alice', 'operator:root')
  }
  await rm(keys, { recursive: true })
  await cp(join(copy.path, 'keys'), keys, { recursive: true })
  await using rooms = await openRooms(dir.path)
  assert.deepEqual(await opened(rooms, bytes), ['/event/file/owner/name'])
})

test('an older copy of ledgers and database beside the present keys: refused, for orders would be recorded and not read', async () => {
  await using dir = await temporary()
  await using copy = await temporary()
  const kept = ['ledgers', 'index.sqlite']
  {
    await using rooms = await openRooms(dir.path)
    await sealed(rooms)
  }
  for (const name of kept) await cp(join(dir.path, name), join(copy.path, name), { recursive: true })
  {
    await using rooms = await openRooms(dir.path)
    for (const name of ['carol', 'dave', 'erin'])
      await rooms.erasures.eraseSubject('default', `name:${name}`, 'operator:root')
  }
  for (const name of kept) {
    await rm(join(dir.path, name), { recursive: true })
    await cp(join(copy.path, name), join(dir.path, name), { recursive: true })
  }
  await assert.rejects(openRooms(dir.path), {
    code: 'LEDGER_BEHIND',
    received: /lines where the keys were erased up to line/,
    advice: /audit fsck.*ledger-behind\.md/,
  })
})

test('an order that is in the ledger and was not carried out when the server died is carried out at the start', async () => {
  await using dir = await temporary()
  let bytes: Uint8Array
  {
    await using rooms = await openRooms(dir.path)
    bytes = await sealed(rooms)
  }
  {
    const ledgers = await openLedgersIn(dir.path)
    await ledgers.get('cluster').append({ own: erased(voice, clock.nowNs(), { tenant: 'default' }) })
    await ledgers.close()
  }
  await using rooms = await openRooms(dir.path)
  assert.deepEqual(await opened(rooms, bytes), [])
  assert.deepEqual(await rooms.side.seal('default', [{ line, leafHash, values }]), [undefined], 'nothing more is kept')
  await assert.rejects(rooms.erasures.eraseSubject('default', 'name:bob', 'operator:root'), { code: 'KEYS_ERASED' })
})

test('a host that writes an order into the ledger of the cluster orders nothing', async () => {
  await using dir = await temporary()
  await using rooms = await openRooms(dir.path)
  const bytes = await sealed(rooms)
  const host = generateSigner()
  const chain = await openChain({
    dir: join(dir.path, 'chain'),
    tenant: 'cluster',
    signer: host,
    clock,
    disk,
    segmentBytesMax: 65_536,
    totalBytesMax: 1e7,
  })
  const { event } = erased(voice, clock.nowNs(), { tenant: 'default' }) as { event: JsonObject }
  await chain.seal([{ event, personalPointers: [], timeNs: clock.nowNs() }])
  const batch = await chain.readBatch(0)
  await chain.close()
  assert.ok(batch)
  const key = {
    key_id: host.keyId,
    algorithm: 'ed25519',
    public_key: Buffer.from(host.publicKey).toString('hex'),
    host_id: 'h1',
    valid_from: '2020-01-01T00:00:00.000000000Z',
    valid_until: null,
  } as const
  const linked = linkBatch(sha256, batch, chainStart, 1024)
  const { next } = await rooms.cluster.append(verifyBatch(sha256, verifyEd25519, linked, key))
  // The order that comes after it is carried out: so this one was passed over, not merely late.
  await rooms.erasures.eraseSubject('default', 'name:nobody', 'operator:root')
  assert.ok(rooms.sealing.applied > next - 1)
  assert.deepEqual(await opened(rooms, bytes), Object.keys(values))
})

test('the tenant cluster, whose ledger orders all erasures, is not erased', async () => {
  await using dir = await temporary()
  await using rooms = await openRooms(dir.path)
  await assert.rejects(rooms.erasures.eraseTenant('cluster', 'd/x', 1n), { code: 'ERASE_CLUSTER', kind: 'denied' })
})

test('one decision to erase a tenant is one line of the ledger, however often and at whatever start it is asked for', async () => {
  await using dir = await temporary()
  const decidedNs = clock.nowNs()
  let line: number
  {
    await using rooms = await openRooms(dir.path)
    await sealed(rooms)
    const first = await rooms.erasures.eraseTenant('default', 'd/tenant/x', decidedNs)
    assert.ok(first.tenantKeys > 0)
    const again = await rooms.erasures.eraseTenant('default', 'd/tenant/x', decidedNs)
    assert.deepEqual([again.leafIndex, again.tenantKeys, again.subjectKeys], [first.leafIndex, 0, 0])
    line = first.leafIndex
  }
  await using rooms = await openRooms(dir.path)
  await rooms.waitFor('cluster', line + 1)
  assert.equal((await rooms.erasures.eraseTenant('default', 'd/tenant/x', decidedNs)).leafIndex, line)
  const [order, ...more] = await rooms.eventsOf('tenant_erased')
  assert.deepEqual([JSON.parse(order as string).event.unmapped.erased_origin, more], ['d/tenant/x', []])
})

test('every epoch of the master key stands in the ledger once, and what is old is wrapped anew', async () => {
  await using dir = await temporary()
  let bytes: Uint8Array
  {
    await using rooms = await openRooms(dir.path)
    bytes = await sealed(rooms)
    assert.equal((await rooms.tender.rotate()).epoch, 2)
    const steps: RewrapProgress[] = []
    for await (const step of rooms.tender.rewrap(new AbortController().signal)) steps.push(step)
    assert.deepEqual(steps.at(-1), { done: 1, total: 1 })
    assert.equal(rooms.sealing.status().toRewrap, 0)
  }
  for (const _start of [1, 2]) {
    await using rooms = await openRooms(dir.path)
    // Two lines of its own chain, after the anchor.
    await rooms.waitFor('cluster', 3)
    const epochs = (await rooms.eventsOf('master_key_epoch_begun')).map((text) => JSON.parse(text).event.unmapped.epoch)
    assert.deepEqual(epochs, [1, 2])
    assert.deepEqual(rooms.sealing.unrecordedEpochs(), [])
    assert.deepEqual(await opened(rooms, bytes), Object.keys(values))
  }
})
