// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Clock, createLog, diskErrors, errorsOf, type SealwatchError, systemClock } from '@sealwatch/base'
import type { Chain, Draft } from '@sealwatch/ledger'
import { createJournal } from './journal.ts'

const diskError = errorsOf(diskErrors)

/** A chain that only knows its epoch, and a clock that goes on by as much as somebody sleeps. */
function sample() {
  const told: string[] = []
  const stop = new AbortController()
  const closedAtMs: number[] = []
  let ms = 0
  let number = 0
  let dueMs: number | undefined
  let isFull = false
  let untilMs = 0
  const clock: Clock = {
    ...systemClock,
    nowMs: () => ms,
    monotonicNs: () => BigInt(ms) * 1_000_000n,
    sleep: async (length) => {
      ms += length
      if (ms >= untilMs) stop.abort()
      await new Promise(setImmediate)
    },
  }
  const chain = {
    get position() {
      return { nextSeq: 0, tip: '', epoch: { number } }
    },
    get epochDueNs() {
      return dueMs === undefined ? undefined : BigInt(dueMs) * 1_000_000n
    },
    closeEpoch: async () => {
      if (isFull) throw diskError('DISK_FULL', { attempted: 'closing' })
      closedAtMs.push(ms)
      number += 1
      dueMs = undefined
    },
  } as unknown as Chain
  const log = createLog(
    'test',
    (line) => told.push(JSON.parse(line).msg),
    () => 0,
  )
  const fatal: unknown[] = []
  const journal = createJournal({ chain: () => chain, clock, log, onFatal: (error) => fatal.push(error) })
  return {
    closedAtMs,
    told,
    fatal,
    set: (change: { dueMs?: number; isFull?: boolean }) => {
      dueMs = change.dueMs ?? dueMs
      isFull = change.isFull ?? isFull
    },
    run: async (forMs: number) => {
      untilMs = forMs
      await journal.keepEpochs(60_000, stop.signal)
    },
  }
}

test('LOG-3: an idle host closes an epoch every minute', async () => {
  const { run, closedAtMs } = sample()
  await run(200_000)
  assert.deepEqual(closedAtMs, [60_000, 120_000, 180_000])
})

test('an epoch with lines is closed when it is due, and the minute begins anew', async () => {
  const { run, set, closedAtMs } = sample()
  set({ dueMs: 10_500 })
  await run(80_000)
  assert.deepEqual(closedAtMs, [11_000, 71_000])
})

test('LOG-6: an epoch that cannot be closed for lack of room is told once, and tried again', async () => {
  const { run, set, closedAtMs, told, fatal } = sample()
  set({ dueMs: 5_000, isFull: true })
  await run(20_000)
  assert.deepEqual([closedAtMs, told, fatal], [[], ['an epoch cannot be closed and stays open'], []])
})

test('LOG-6: once sealing cannot go on nobody is told that all is sealed, and everything else has its turn', async () => {
  const fatal = Promise.withResolvers<unknown>()
  const failing = { seal: async () => Promise.reject(diskError('DISK_FAILED', { attempted: 'sealing' })) }
  const chain = failing as unknown as Chain
  const log = createLog('test', () => undefined, systemClock.nowMs)
  const journal = createJournal({ chain: () => chain, clock: systemClock, log, onFatal: fatal.resolve })
  journal.add({ event: {} } as Draft)
  let isFlushed = false
  void journal.flushed().then(() => {
    isFlushed = true
  })
  assert.equal(((await fatal.promise) as SealwatchError).code, 'DISK_FAILED')
  for (let turn = 0; turn < 3; turn += 1) await new Promise(setImmediate)
  assert.equal(isFlushed, false)
})

test('AGT-9: an event after a rest is sealed soon, those that go on coming by tens a second; whoever waits for them does not', async () => {
  let ms = 1_000
  const sleeping = new Set<{ readonly atMs: number; readonly wake: () => void }>()
  const clock: Clock = {
    ...systemClock,
    nowMs: () => ms,
    monotonicNs: () => BigInt(ms) * 1_000_000n,
    sleep: (length, signal) =>
      new Promise((wake) => {
        sleeping.add({ atMs: ms + length, wake })
        signal?.addEventListener('abort', () => wake())
      }),
  }
  const batches: { readonly atMs: number; readonly events: number }[] = []
  const seal = async ({ length }: readonly Draft[]) => void batches.push({ atMs: ms, events: length })
  const log = createLog('test', () => undefined, clock.nowMs)
  const chain = { seal } as unknown as Chain
  const journal = createJournal({ chain: () => chain, clock, log, onFatal: (error) => assert.fail(String(error)) })
  const goOn = async () => {
    ms += 1
    for (const sleeper of sleeping) {
      if (sleeper.atMs > ms) continue
      sleeping.delete(sleeper)
      sleeper.wake()
    }
    for (let turn = 0; turn < 3; turn += 1) await new Promise(setImmediate)
  }
  for (let i = 0; i < 500; i += 1) {
    if (i % 5 === 0) journal.add({ event: {} } as Draft)
    await goOn()
  }
  const [first, ...next] = batches.map(({ atMs }) => atMs)
  assert.ok(first !== undefined && first <= 1_021, `${first}`)
  assert.deepEqual(
    next.map((atMs, i) => atMs - (batches[i]?.atMs ?? 0)),
    Array(next.length).fill(100),
  )
  journal.add({ event: {} } as Draft)
  const asked = ms
  await journal.flushed()
  assert.deepEqual([batches.at(-1)?.atMs, batches.reduce((sum, { events }) => sum + events, 0)], [asked, 101])
})
