// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { createLog, type JsonObject, systemClock, systemDisk } from '@sealwatch/base'
import { parseLine, sha256 } from '@sealwatch/ledger'
import type { Reason } from '../../trust/index.ts'
import { createIngest } from '../commit.ts'
import { host, openIngest, voice } from '../test/open-ingest.ts'
import { createForgedAlarms } from './forged-alarms.ts'
import { openQuarantine, type QuarantinedBatch } from './quarantine.ts'

type It = Awaited<ReturnType<typeof openIngest>>
const quiet = createLog('test', () => undefined, systemClock.nowMs)

/** As each process opens it; `later`: how far its clock is ahead of that of the one before. */
async function openAlarmed(it: It, laterMs = 0) {
  const log = quiet
  const clock = { ...systemClock, nowMs: () => systemClock.nowMs() + laterMs }
  const alarms = createForgedAlarms({ ...it, voice, clock, log })
  const place = { dir: join(it.dir, 'quarantine'), disk: systemDisk }
  const quarantine = await openQuarantine({ ...it, ...place, clock, alarms })
  const isStrict = () => it.strict.isOn
  const { admitUnverified } = it.replays()
  return { quarantine, ingest: createIngest({ ...it, quarantine, isStrict, admitUnverified, clock, log }) }
}

const forged = (n: number, more: Partial<QuarantinedBatch> = {}): QuarantinedBatch => ({
  ...host,
  chain: 'ab'.repeat(16),
  firstSeq: n,
  nextSeq: n + 1,
  lines: Buffer.from(`forged ${n}\n`),
  reason: 'invalid_signature',
  detail: '',
  keyId: 'k',
  registry: 0,
  beside: {
    encoding: 'text/plain',
    peer: { address: '', certificate: null, token: null },
    receivedAt: '2026-11-22T00:00:00.000000000Z',
    position: null,
    side: [],
  },
  ...more,
})

const keep = async ({ quarantine }: { quarantine: It['quarantine'] }, ...batches: QuarantinedBatch[]) => {
  const all = await Promise.all(batches.map((batch) => quarantine.keep(batch)))
  await Promise.all(all.map(({ kept }) => kept))
  return all.map(({ item }) => item)
}

/** What the alarms of the ledger are about, once nothing waits to enter it. */
async function alarmsIn(it: It): Promise<JsonObject[]> {
  await it.outbox.drained('default', new AbortController().signal)
  const ledger = it.ledgers.get('default')
  const leaves = await ledger.read(0, ledger.size)
  return leaves.flatMap(({ line: bytes }) => {
    const { line } = parseLine(sha256, bytes, 'reading the ledger')
    return 'event' in line && JSON.stringify(line.event).includes('chain_forged') ? [line.event as JsonObject] : []
  })
}

test('LOG-4 ING-3 a server that is killed behind the bytes of a forged batch, or behind its stub, has raised its alarm, once', async () => {
  await using it = await openIngest()
  const [item] = await keep(await openAlarmed(it), forged(0))
  const [alarm, ...others] = await alarmsIn(it)
  assert.ok(alarm !== undefined && others.length === 0)
  assert.deepEqual([alarm.is_alert, alarm.severity], [true, 'Critical'])
  assert.match(JSON.stringify(alarm), new RegExp(`"quarantined":"${item}"`))
  // The host sends it again, to a process that knows nothing of it.
  await keep(await openAlarmed(it), forged(0))
  assert.equal((await alarmsIn(it)).length, 1)
})

test('LOG-4 what no key of a host signed is an alarm, whether or not strict signatures are on', async () => {
  for (const isStrict of [true, false]) {
    await using it = await openIngest('unregistered')
    const { ingest } = await openAlarmed(it)
    it.strict.isOn = isStrict
    await it.seal('a')
    const outcome = await ingest.submit(host, 'default', await it.batchAt(0))
    assert.equal(outcome.kind, isStrict ? 'quarantined' : 'acknowledged')
    assert.match(JSON.stringify(await alarmsIn(it)), new RegExp(`${it.chain.id}.*chain_forged`))
  }
})

test('LOG-4 one alarm a minute of each chain and reason, and none of services and of keys that have ended', async () => {
  await using it = await openIngest()
  const opened = await openAlarmed(it)
  const ended: readonly Reason[] = ['key_expired', 'key_revoked', 'key_not_yet_valid']
  const quietly = [...ended.map((reason, i) => forged(i, { reason })), forged(9, { hostname: undefined })]
  await keep(opened, ...quietly)
  assert.equal((await alarmsIn(it)).length, 0)
  await keep(
    opened,
    forged(10),
    forged(11),
    forged(12, { reason: 'unknown_key' }),
    forged(13, { chain: 'cd'.repeat(16) }),
  )
  await keep(opened, forged(14), forged(15, { reason: 'unknown_key' }))
  assert.equal((await alarmsIn(it)).length, 3)
  await keep(await openAlarmed(it, 60_000), forged(16))
  assert.equal((await alarmsIn(it)).length, 4)
})

test('LOG-4 what the database does not take has raised nothing: the alarm comes with what is kept', async () => {
  await using it = await openIngest()
  let isBroken = true
  const { transaction } = it.store
  const store: It['store'] = {
    ...it.store,
    transaction: (work) =>
      transaction(async (tx) => {
        const done = await work(tx)
        if (isBroken) throw new Error('no room')
        return done
      }),
  }
  const opened = await openAlarmed({ ...it, store })
  await assert.rejects(keep(opened, forged(0)), /no room/)
  assert.equal((await alarmsIn(it)).length, 0)
  isBroken = false
  await keep(opened, forged(1))
  assert.equal((await alarmsIn(it)).length, 1)
})
