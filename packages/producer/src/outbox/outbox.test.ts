// SPDX-License-Identifier: Apache-2.0
// The same on both databases, which are real.

import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { after, test } from 'node:test'
import { noPostgres, startPostgres } from '../../test/postgres.ts'
import { type Bench, createLedgerOfOutcomes, postgresBench, signer, sqliteBench } from '../../test/sample.ts'
import { createForwarder, type ForwarderMetrics, type ForwarderOptions } from '../forwarder.ts'
import { sendFailed, sendRefused } from '../send/sender.ts'
import { signRows } from '../sign-rows.ts'
import { keySigner } from '../signer.ts'
import { addRows, sqliteOutboxTables } from './sqlite.ts'

const postgres = noPostgres === undefined ? startPostgres() : undefined
after(() => postgres?.[Symbol.asyncDispose]())
const benches: [string, () => Promise<Bench>, string | undefined][] = [
  ['SQLite', sqliteBench, undefined],
  ['PostgreSQL', () => postgresBench(postgres as NonNullable<typeof postgres>), noPostgres],
]
const row = (n: number) => JSON.stringify({ n })
const rowsFrom = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => row(from + i))

/** Runs a forwarder until `isDone` says so of its metrics; what it has under way then is settled. */
async function forwardUntil(
  options: Omit<ForwarderOptions, 'signer'> & Partial<Pick<ForwarderOptions, 'signer'>>,
  isDone: (metrics: ForwarderMetrics) => boolean,
): Promise<ForwarderMetrics> {
  const stop = new AbortController()
  let last: ForwarderMetrics | undefined
  // Time does not pass by itself: whoever sleeps has slept, so that metrics come with every round.
  let ms = Date.now()
  const clock = {
    nowMs: () => ms,
    nowNs: () => BigInt(ms) * 1_000_000n,
    monotonicNs: () => BigInt(ms) * 1_000_000n,
    sleep: async (for_: number) => {
      ms += Math.max(for_, 5_000)
      await new Promise((resolve) => setImmediate(resolve))
    },
  }
  await createForwarder({
    signer,
    clock,
    random: () => 0.5,
    ...options,
    onMetrics: (metrics) => {
      last = metrics
      options.onMetrics?.(metrics)
      if (isDone(metrics)) stop.abort()
    },
  }).run(stop.signal)
  return last as ForwarderMetrics
}
const isEmpty = ({ rows, failures }: ForwarderMetrics) => rows === 0 && failures === 0

for (const [name, open, skip] of benches) {
  test(`${name}: rows that commit are sent in their order, once, and those that roll back never were (ING-6, ING-8)`, {
    skip,
  }, async () => {
    await using bench = await open()
    const ledger = createLedgerOfOutcomes()
    await bench.add(rowsFrom(0, 1500))
    await bench.add(rowsFrom(9000, 9010), true)
    await bench.add(rowsFrom(1500, 2500))
    const metrics = await forwardUntil({ outbox: bench.outbox(), send: ledger.send }, isEmpty)
    assert.deepEqual(ledger.rows, rowsFrom(0, 2500))
    assert.equal(metrics.sent.admitted, 2500)
    // 2,500 rows were three submissions, and these few requests.
    assert.ok(ledger.requests <= 3, `${ledger.requests} requests`)
  })

  test(`${name}: a forwarder that is stopped at any point loses nothing and has nothing stored twice (ING-8)`, {
    skip,
  }, async () => {
    for (const point of ['before sending', 'answer lost', 'before settling', 'in the middle of grouping']) {
      await using bench = await open()
      const ledger = createLedgerOfOutcomes()
      await bench.add(rowsFrom(0, 30))
      const outbox = bench.outbox()
      const died = new Error('killed')
      const dying = {
        ...outbox,
        ...(point === 'before settling' && {
          settle: async () => {
            throw died
          },
        }),
        ...(point === 'in the middle of grouping' && {
          group: async (...args: Parameters<typeof outbox.group>) => {
            await outbox.group(...args)
            throw died
          },
        }),
      }
      const send: ForwarderOptions['send'] = async (submissions, signal) => {
        if (point === 'before sending') throw died
        const outcomes = await ledger.send(submissions)
        if (point === 'answer lost') throw died
        signal.throwIfAborted()
        return outcomes
      }
      await forwardUntil({ outbox: dying, send }, ({ failures }) => failures > 0)
      await bench.add(rowsFrom(30, 40))
      await forwardUntil({ outbox: bench.outbox(), send: ledger.send }, isEmpty)
      assert.deepEqual(ledger.rows, rowsFrom(0, 40), point)
    }
  })

  test(`${name}: of two forwarders one sends; the other takes over when the lease is over`, { skip }, async () => {
    await using bench = await open()
    const [one, two] = [bench.outbox(), bench.outbox()]
    assert.deepEqual([await one.lease('one', 30_000), await two.lease('two', 30_000)], [true, false])
    await bench.add(rowsFrom(0, 3))
    const rows = await one.waiting(10)
    const submission = await signRows(signer, rowsFrom(0, 3))
    await bench.expireLease()
    assert.equal(await two.lease('two', 30_000), true)
    await assert.rejects(one.group('one', rows, submission), { code: 'LEASE_LOST' })
    assert.equal((await two.waiting(10)).length, 3)
    await two.group('two', rows, submission)
    await assert.rejects(two.group('two', rows, await signRows(signer, rowsFrom(0, 3))), { code: 'LEASE_LOST' })
    assert.deepEqual([(await two.waiting(10)).length, (await two.due(10)).length], [0, 1])
    await two.release('two')
    assert.equal(await one.lease('one', 30_000), true)
  })

  test(`${name}: two forwarders at once send every row once, in order`, { skip }, async () => {
    await using bench = await open()
    const ledger = createLedgerOfOutcomes()
    await bench.add(rowsFrom(0, 4000))
    await Promise.all(
      [bench.outbox(), bench.outbox()].map((outbox) => forwardUntil({ outbox, send: ledger.send }, isEmpty)),
    )
    assert.deepEqual(ledger.rows, rowsFrom(0, 4000))
  })

  test(`${name}: what will never be taken is parked with its reason, and later rows pass it (ING-6)`, {
    skip,
  }, async () => {
    await using bench = await open()
    const detail = 'SUBMISSION_MALFORMED while taking a submission: poison'
    const isPoison = ({ payload }: { payload: Uint8Array }) => Buffer.from(payload).includes('poison')
    const ledger = createLedgerOfOutcomes((submission) =>
      isPoison(submission) ? { kind: 'refused', code: 'SUBMISSION_MALFORMED', detail } : undefined,
    )
    const outbox = bench.outbox()
    await bench.add(['{"poison":1}', row(0)])
    await bench.addSigned(await signRows(signer, [row(1)], { form: 'dsse', payloadType: 'application/json' }))
    const metrics = await forwardUntil({ outbox, send: ledger.send }, isEmpty)
    assert.deepEqual(ledger.rows, [row(1)])
    assert.deepEqual([metrics.parkedSubmissions, metrics.parkedRows, metrics.sent.parked], [1, 2, 2])
    const [parked] = await outbox.parked(10)
    assert.deepEqual([parked?.rows, parked?.reason], [2, detail])
    // Whoever has mended the cause sends it once more.
    await outbox.retryParked()
    await forwardUntil({ outbox, send: createLedgerOfOutcomes().send }, isEmpty)
    assert.equal((await outbox.depth()).parkedSubmissions, 0)
  })

  test(`${name}: one submission that spoils a whole request is found and parked, the others are sent`, {
    skip,
  }, async () => {
    await using bench = await open()
    const ledger = createLedgerOfOutcomes()
    for (const n of [0, 1, 2]) await bench.addSigned(await signRows(signer, [row(n)]))
    const send: ForwarderOptions['send'] = async (submissions) => {
      if (submissions.some(({ payload }) => Buffer.from(payload).equals(Buffer.from(row(1))))) throw sendRefused('400')
      return ledger.send(submissions)
    }
    const outbox = bench.outbox()
    await forwardUntil({ outbox, send }, isEmpty)
    assert.deepEqual(ledger.rows, [row(0), row(2)])
    assert.deepEqual(
      (await outbox.parked(10)).map(({ reason }) => reason),
      ['SEND_REFUSED: "400"'],
    )
  })

  test(`${name}: a row for which the signer is too small is parked, the next ones are sent`, { skip }, async () => {
    await using bench = await open()
    const ledger = createLedgerOfOutcomes()
    await bench.add([row(0), JSON.stringify('x'.repeat(5000)), row(1)])
    const outbox = bench.outbox()
    await forwardUntil({ outbox, send: ledger.send, signer: { ...signer, messageBytesMax: 4096 } }, isEmpty)
    assert.deepEqual(ledger.rows, [row(0), row(1)])
    assert.match((await outbox.parked(1))[0]?.reason ?? '', /^PRODUCER_ROW/)
  })
}

test('a row that no control plane takes is refused in the transaction that writes it; a full outbox is, too', async () => {
  await using bench = await sqliteBench()
  for (const wrong of ['', 'a\nb', 'x'.repeat(30_001), '\ud800', 'a\0'])
    await assert.rejects(bench.add([row(0), wrong]), { code: 'PRODUCER_ROW' })
  using database = new DatabaseSync(':memory:')
  database.exec(sqliteOutboxTables)
  addRows(database, rowsFrom(0, 3), { rowsMax: 3 })
  assert.throws(() => addRows(database, [row(3)], { rowsMax: 3 }), { code: 'OUTBOX_FULL' })
})

test('a control plane that is down, or asks for patience, is not hammered: waits double, spread, and never below what it asks (ING-6)', async () => {
  await using bench = await sqliteBench()
  await bench.add(rowsFrom(0, 2))
  const waits: number[] = []
  let tries = 0
  const stop = new AbortController()
  const clock = {
    nowMs: () => 0,
    nowNs: () => 0n,
    monotonicNs: () => 0n,
    sleep: async (ms: number, signal?: AbortSignal) => {
      if (signal !== stop.signal) return new Promise<void>(() => undefined)
      waits.push(ms)
      if (tries === 12) stop.abort()
    },
  }
  const send = async () => {
    tries += 1
    if (tries === 10) throw sendFailed('503', { retryAfterMs: 90_000 })
    if (tries === 11) return [{ kind: 'refused' as const, code: 'TENANT_LIMITED', detail: '', retryAfter: 120 }]
    throw sendFailed('down')
  }
  await createForwarder({ outbox: bench.outbox(), signer, send, clock, random: () => 0.999 }).run(stop.signal)
  assert.deepEqual(waits.slice(0, 4), [500, 999, 1998, 3996])
  assert.deepEqual(waits.slice(7, 9), [59_940, 59_940])
  assert.deepEqual(waits.slice(9), [149_940, 179_940, 59_940])
  assert.equal(tries, waits.length)
})

test('a shared secret signs no rows, nor does a short RSA key', async () => {
  const { createSecretKey, generateKeyPairSync } = await import('node:crypto')
  assert.throws(() => keySigner('k', createSecretKey(Buffer.alloc(32))), { code: 'PRODUCER_KEY' })
  const short = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey
  assert.throws(() => keySigner('k', short), { code: 'PRODUCER_KEY' })
  assert.throws(() => keySigner('no space', short), { code: 'PRODUCER_KEY' })
})
