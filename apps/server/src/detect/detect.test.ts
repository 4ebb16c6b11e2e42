// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { mkdtempDisposable, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { type Clock, createBell, createLog, systemClock, systemDisk } from '@sealwatch/base'
import { type Finding, ShipRequestSchema } from '@sealwatch/contract'
import type { Held } from '@sealwatch/detect'
import { generateSigner, openOwnSigner } from '@sealwatch/keys'
import { kmsMasterKey, openSealing } from '@sealwatch/keys/sealing'
import { type ChainBatch, openChain, parseLine, sha256 } from '@sealwatch/ledger'
import { createSideCustody } from '../custody/index.ts'
import {
  createIngest,
  createRowBook,
  indexEntries,
  openIndexHere,
  openLedgers,
  openQuarantine,
  publishOutbox,
} from '../ingest/index.ts'
import { createOutbox, openStore, type Store } from '../store/index.ts'
import { openKeyRegistry } from '../trust/index.ts'
import { enterKey, hostKeyRow } from '../trust/test/host-key.ts'
import { createGlances, detect, readRuleFiles, standardRules } from './index.ts'
import { openRulebook, type RulesReader } from './rulebook.ts'

const clock = systemClock
const disk = systemDisk
const log = createLog('test', () => undefined, clock.nowMs)
const tenant = 'default'
const signer = generateSigner()
const host = { hostId: 'host-1', hostname: 'one', tenant: 'default' }
const rules = await openRulebook(readRuleFiles(standardRules), clock)

/** The rooms from ingest to detection over one directory, as a server start wires them. */
async function openRooms(dir: string, inForce: RulesReader = rules, judging: Clock = clock) {
  const stack = new AsyncDisposableStack()
  const store = openStore(dir)
  stack.defer(() => store.close())
  const index = openIndexHere(store.indexPath)
  stack.defer(() => index.close())
  const outbox = createOutbox(store)
  const cache = { ttlMs: 60_000, keysMax: 64 }
  const kms = kmsMasterKey({ clock })
  const sealing = await openSealing({ dir: join(dir, 'keys'), kmsKeyId: '', kms, cache, clock, disk })
  stack.defer(() => sealing.close())
  const side = createSideCustody(sealing, log)
  const ledgers = await openLedgers({
    dir: join(dir, 'ledgers'),
    deployment: 'sealwatch-00000000',
    tenants: [tenant],
    keysDir: join(dir, 'keys'),
    auditSigner: await openOwnSigner(join(dir, 'audit.key'), disk),
    log,
    labelKey: new Uint8Array(32),
    clock,
    disk,
  })
  stack.defer(() => ledgers.close())
  const ledger = ledgers.get(tenant)
  const quarantine = await openQuarantine({ dir: join(dir, 'quarantine'), store, sealing, clock, disk })
  stack.defer(() => quarantine.close())
  const glances = createGlances(inForce)
  const stop = new AbortController()
  const bell = createBell()
  let position = 0
  const indexed = {
    waitFor: async (_tenant: string, leaf: number, signal: AbortSignal) => {
      while (position < leaf && !signal.aborted) await bell.wait(signal)
    },
  }
  const onIndexed = (next: number) => {
    position = next
    bell.ring()
  }
  const size = ledger.size
  const followers = Promise.all([
    indexEntries({ ledger, store, index, outbox, signal: stop.signal, onIndexed }),
    publishOutbox({
      outbox,
      ledgers,
      indexed: indexed.waitFor(tenant, size, stop.signal),
      clock,
      log,
      signal: stop.signal,
    }),
    detect({
      ledger,
      store,
      outbox,
      indexed,
      openSide: side.open,
      rules: inForce,
      exceptions: { excepts: () => false },
      glances,
      herald: { tell: async () => undefined, ring: () => undefined },
      clock: judging,
      log,
      signal: stop.signal,
    }),
  ])
  stack.defer(async () => {
    stop.abort()
    await followers
  })
  const keys = await openKeyRegistry({ store, outbox: undefined, versionOf: (of) => ledgers.get(of).registry })
  const ingest = createIngest({
    store,
    ledgers,
    quarantine,
    keys,
    rowBook: createRowBook(),
    side,
    indexed: { waitFor: (of, leaf) => indexed.waitFor(of, leaf, stop.signal) },
    look: glances.look,
    clock,
    log,
  })
  return { store, keys, ledger, ingest, followers, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

/** As its enrolment and its registration would. */
async function knowHost(store: Store, chain: string): Promise<void> {
  const { hostId: host_id, hostname } = host
  const then = '2026-11-23T00:00:00Z'
  const cert = { cert_serial: '1', cert_begins_at: null, cert_expires_at: then }
  const row = { host_id, tenant, hostname, machine_id: 'm', facts: '{}', enrolled_at: then, ...cert }
  await store.db.insertInto('hosts').values(row).execute()
  const bound = { chain, tenant, host_id, writer: '', registered_at: then }
  await store.db.insertInto('chains').values(bound).execute()
}

type Rooms = Awaited<ReturnType<typeof openRooms>>

async function findings({ ledger }: Rooms): Promise<Finding[]> {
  const leaves = await ledger.read(0, ledger.size)
  const events = leaves.flatMap(({ line: bytes }) => {
    const { line } = parseLine(sha256, bytes, 'reading the ledger')
    return 'event' in line ? [line.event as unknown as Finding] : []
  })
  return events.filter(({ class_uid }) => class_uid === 2004)
}

/** Ends when a follower fails, instead of waiting for ever. */
async function untilFindings(rooms: Rooms, count: number): Promise<Finding[]> {
  const signal = new AbortController().signal
  for (;;) {
    const { size } = rooms.ledger
    const found = await findings(rooms)
    if (found.length >= count) return found
    await Promise.race([rooms.ledger.waitFor(size, signal), rooms.followers])
  }
}

test('DET-2 DET-3 ING-8 an event is found once, wherever the server stops, and the finding says why', {
  timeout: 60_000,
}, async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'sealwatch-detect-'))
  const dir = folder.path
  const event = JSON.parse(await readFile(join(standardRules, 'shadow-read.fires.json'), 'utf8')) as {
    readonly device: { readonly uid: string }
  }
  const { device: said } = event
  const chain = await openChain({
    dir: join(dir, 'chain'),
    tenant,
    signer,
    clock,
    disk,
    segmentBytesMax: 1e6,
    totalBytesMax: 1e7,
  })
  const submit = async (rooms: Rooms) => {
    const seq = chain.position.nextSeq
    await chain.seal([{ event, personalPointers: [], timeNs: clock.nowNs() }])
    const batch = (await chain.readBatch(seq)) as ChainBatch
    const request = create(ShipRequestSchema, {
      chain: batch.chain,
      firstSeq: BigInt(seq),
      count: batch.count,
      lines: batch.lines,
    })
    assert.equal((await rooms.ingest.submit(host, tenant, request)).kind, 'acknowledged')
  }
  {
    await using rooms = await openRooms(dir)
    await enterKey(rooms.store, rooms.keys, hostKeyRow(signer, { ...host, tenant }))
    await submit(rooms)
    const [finding] = await untilFindings(rooms, 1)
    assert.equal(finding?.finding_info.title, 'Password hashes read by an unexpected program')
    assert.equal(finding?.unmapped.leaves[0]?.chain, chain.id)
    assert.ok((finding?.evidences[0]?.data.reasons.length ?? 0) > 0)
    assert.equal(finding?.device.uid, said.uid)
    await knowHost(rooms.store, chain.id)
  }
  // Stopped at once after a submit: what was not judged or not published then is afterwards, and once.
  for (let round = 2; round <= 6; round += 1) {
    {
      await using rooms = await openRooms(dir)
      await submit(rooms)
    }
    await using rooms = await openRooms(dir)
    const found = await untilFindings(rooms, round)
    assert.equal(new Set(found.map(({ finding_info }) => finding_info.uid)).size, round)
    assert.equal(found.length, round)
    const [, ...later] = found.map(({ device }) => [device.uid, device.hostname])
    assert.deepEqual(later.at(-1), [host.hostId, host.hostname], 'who says that it is another one is told as itself')
  }
  await chain.close()
})

/** Its follower saves after every turn, for time flies. */
function hasty(): Clock {
  let ns = 0n
  return {
    ...clock,
    monotonicNs: () => {
      ns += 2_000_000_000n
      return ns
    },
  }
}

/** What is held once all leaves were judged and that was saved. */
async function untilSaved({ store, ledger, followers }: Rooms): Promise<readonly Held[]> {
  for (;;) {
    const row = await store.db
      .selectFrom('cursors')
      .innerJoin('correlations', 'correlations.tenant', 'cursors.tenant')
      .select(['position', 'held'])
      .where('cursors.tenant', '=', tenant)
      .where('follower', '=', 'detect')
      .executeTakeFirst()
    if (row?.position === ledger.size) return JSON.parse(row.held) as Held[]
    await Promise.race([clock.sleep(0), followers])
  }
}

test('DET-2 what comes together is found once, wherever the server stops, and the finding names each leaf', {
  timeout: 60_000,
}, async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'sealwatch-detect-'))
  const dir = folder.path
  const event = JSON.parse(await readFile(join(standardRules, 'shadow-read.fires.json'), 'utf8')) as object
  const correlated = (body: string) => `title: Again and again
id: 3f6b1d0e-7a52-4c0e-9d2b-5b1f0a9c4e99
correlation:
  rules: [3f6b1d0e-7a52-4c0e-9d2b-5b1f0a9c4e11]
  type: ${body}
`
  const thrice = correlated('event_count\n  group-by: [User, HostId]\n  timespan: 1h\n  condition: {gte: 3}')
  const once = correlated('event_count\n  timespan: 1s\n  condition: {eq: 1}')
  const bookOf = (text: string) => openRulebook([...readRuleFiles(standardRules), { path: 'again.yml', text }], clock)
  const sizes = { segmentBytesMax: 1e6, totalBytesMax: 1e7 }
  const chain = await openChain({ dir: join(dir, 'chain'), tenant, signer, clock, disk, ...sizes })
  const submit = async (rooms: Rooms, agoNs = 0n) => {
    const seq = chain.position.nextSeq
    const personalPointers = ['/event/actor/user/name']
    await chain.seal([{ event, personalPointers, timeNs: clock.nowNs() - agoNs }])
    const batch = (await chain.readBatch(seq)) as ChainBatch
    const side = batch.side.map(({ seq, values }) => ({ seq: BigInt(seq), values }))
    const { count, lines } = batch
    const request = create(ShipRequestSchema, { chain: batch.chain, firstSeq: BigInt(seq), count, lines, side })
    assert.equal((await rooms.ingest.submit(host, tenant, request)).kind, 'acknowledged')
  }
  const book = await bookOf(thrice)
  {
    await using rooms = await openRooms(dir, book)
    await enterKey(rooms.store, rooms.keys, hostKeyRow(signer, { ...host, tenant }))
  }
  for (let round = 1; round <= 6; round += 1) {
    {
      await using rooms = await openRooms(dir, book)
      await submit(rooms)
    }
    await using rooms = await openRooms(dir, book, hasty())
    const found = await untilFindings(rooms, Math.floor(round / 3))
    assert.equal(found.length, Math.floor(round / 3))
    assert.equal((await untilSaved(rooms)).length, round % 3)
  }
  {
    await using rooms = await openRooms(dir, book)
    const found = await findings(rooms)
    const leaves = found.map(({ unmapped }) => unmapped.leaves.map(({ leaf_index }) => leaf_index))
    assert.deepEqual(
      leaves.map(({ length }) => length),
      [3, 3],
    )
    assert.equal(new Set(leaves.flat()).size, 6)
    assert(leaves.every(([newest = 0, ...others]) => others.every((other) => other < newest)))
    assert.deepEqual(
      found.map(({ finding_info }) => [finding_info.title, finding_info.related_events_count]),
      Array(2).fill(['Again and again', 3]),
    )
    const reasons = found[0]?.evidences[0]?.data.reasons ?? []
    assert.deepEqual(
      reasons.map(({ field }) => field),
      ['count', 'User', 'HostId'],
    )
    assert.match(String(reasons[1]?.value), /^commit:/)
  }
  // What waits for the end of its time is found when another leaf says that it is over.
  await using rooms = await openRooms(dir, await bookOf(once))
  await submit(rooms, 100_000_000_000n)
  await submit(rooms)
  const found = await untilFindings(rooms, 3)
  assert.deepEqual([found.length, found[2]?.unmapped.leaves.length], [3, 1])
  await chain.close()
})

test('AGT-6 of alerts by the hundred each is found once, and the first are told before the last are judged', {
  timeout: 60_000,
}, async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'sealwatch-detect-'))
  const dir = folder.path
  const event = JSON.parse(await readFile(join(standardRules, 'shadow-read.fires.json'), 'utf8')) as object
  const sizes = { segmentBytesMax: 1e7, totalBytesMax: 1e8 }
  const chain = await openChain({ dir: join(dir, 'chain'), tenant, signer, clock, disk, ...sizes })
  await chain.seal(Array.from({ length: 300 }, () => ({ event, personalPointers: [], timeNs: clock.nowNs() })))
  await using rooms = await openRooms(dir)
  await enterKey(rooms.store, rooms.keys, hostKeyRow(signer, { ...host, tenant }))
  const batch = (await chain.readBatch(0)) as ChainBatch
  const { count, lines } = batch
  const request = create(ShipRequestSchema, { chain: chain.id, firstSeq: 0n, count, lines })
  assert.equal((await rooms.ingest.submit(host, tenant, request)).kind, 'acknowledged')
  const first = await untilFindings(rooms, 1)
  assert(first.length <= 128, `${first.length} at once`)
  const all = await untilFindings(rooms, 300)
  assert.equal(new Set(all.map(({ finding_info }) => finding_info.uid)).size, 300)
  await chain.close()
})
