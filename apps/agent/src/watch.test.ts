// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Clock,
  createBell,
  createLog,
  errorsOf,
  type JsonObject,
  parseRfc3339,
  systemClock,
} from '@sealwatch/base'
import type { EventBase, PerSite } from '@sealwatch/contract'
import { type Chain, chainFileErrors, type Draft } from '@sealwatch/ledger'
import fc from 'fast-check'
import { createJournal, type Journal } from './journal/journal.ts'
import { formatAccount, parseAccount } from './journal/sensor-account.ts'
import { createShedTally } from './journal/shed-tally.ts'
import { sampleContext, sampleHello, sampleObservations } from './observe/sample-observations.ts'
import { type SensorCounts, type SensorMessage, type Site, sites } from './sources/observation.ts'
import { watch } from './watch.ts'

const chainError = errorsOf(chainFileErrors)
const limits = { watcherBuffer: 8, maxQueueDepth: 16 }
const ringMax = 24
const chunkMax = 4
const samples = {
  exec: 'process-launch',
  exit: 'process-terminate',
  file_open: 'file-read',
  ptrace: 'process-open',
} as const
type Kind = keyof typeof samples
const kinds = Object.keys(samples) as Kind[]
const turn = () => new Promise<void>((resolve) => setImmediate(resolve))
const settled = async () => {
  for (let i = 0; i < 40; i += 1) await turn()
}

type Interval = { readonly from: string; readonly to: string }
type Made = { readonly kind: Kind; readonly timeNs: bigint }
type Sealed = EventBase & {
  readonly count?: number
  readonly end_time?: number
  readonly unmapped: {
    readonly site?: Site
    readonly drop?: Interval & { readonly dropped: PerSite<number> }
    readonly gap?: Interval & { readonly lost: PerSite<number> | null }
    readonly shed?: Interval & { readonly shed: PerSite<number>; readonly sites: PerSite<number> }
  }
}

/** A sensor with a small ring, a disk on which everything may come to a halt, and an agent between them that dies at times. */
function machine() {
  let ms = 0
  const clock: Clock = {
    ...systemClock,
    nowMs: () => ms,
    nowNs: () => timeNs + sampleContext().bootOffsetNs,
    monotonicNs: () => BigInt(ms) * 1_000_000n,
    sleep: async (length, signal) => {
      for (let left = Math.ceil(length / 50); left > 0 && signal?.aborted !== true; left -= 1) {
        await turn()
        ms += 1
      }
    },
  }
  const log = createLog('test', () => undefined, clock.nowMs)

  // The kernel and the sensor, which outlive the agent.
  const counts = Object.fromEntries(
    sites.map((site) => [site, { produced: 0n, dropped: 0n, sent: 0n, repeated: 0n }]),
  ) as {
    [S in Site]: { produced: bigint; dropped: bigint; sent: bigint; repeated: bigint }
  }
  const countsNow = (): SensorCounts => structuredClone(counts)
  const made: Made[] = []
  let ring: (SensorMessage & { readonly site: Site })[] = []
  let timeNs = 1_000n
  let reportDue = false
  const bell = createBell()

  function produce(kind: Kind): void {
    const sample = sampleObservations[samples[kind]]
    assert(sample?.kind === kind, kind)
    timeNs += 1_000_000n
    made.push({ kind, timeNs })
    push({ ...sample, timeNs })
  }

  function overflow(): void {
    timeNs += 1_000_000n
    const sample = sampleObservations['file-read']
    assert(sample !== undefined)
    const { actor, truncated } = sample
    push({ kind: 'overflow', site: 'fanotify', timeNs, sinceNs: timeNs - 1n, actor, truncated })
  }

  function push(message: SensorMessage & { readonly site: Site }): void {
    counts[message.site].produced += 1n
    if (ring.length >= ringMax) counts[message.site].dropped += 1n
    else ring.push(message)
    bell.ring()
  }

  // The disk.
  const sealed: Sealed[] = []
  let account: JsonObject | undefined
  let isFull = false
  let slow: Promise<void> | undefined
  let endSlow: () => void = () => undefined

  function startAgent() {
    const life = new AbortController()
    const over = life.signal
    const tally = createShedTally()
    const state = { hello: undefined, connected: false, account: parseAccount(account), gaps: 0 }
    const forever = new Promise<never>(() => undefined)
    const chain = {
      seal: async (drafts: readonly Draft[], sensor: JsonObject | undefined) => {
        await turn()
        await slow
        if (over.aborted) await forever
        if (isFull) throw chainError('CHAIN_FULL', { attempted: 'sealing' })
        sealed.push(...drafts.map(({ event }) => event as Sealed))
        account = sensor
      },
    }
    const journal: Journal = createJournal({
      chain: () => chain as unknown as Chain,
      clock,
      log,
      limits,
      sensor: () => state.account && formatAccount(state.account, tally),
      onShed: tally.count,
      onFatal: (error) => assert.fail(String(error)),
    })
    async function* connection(): AsyncGenerator<readonly SensorMessage[]> {
      yield [{ ...sampleHello, timeNs, fresh: false, counts: countsNow() }]
      for (;;) {
        if (ring.length === 0 && !reportDue) await bell.wait(new AbortController().signal)
        if (over.aborted) await forever
        const chunk: SensorMessage[] = ring.slice(0, chunkMax)
        for (const { site } of ring.slice(0, chunkMax)) counts[site].sent += 1n
        ring = ring.slice(chunkMax)
        if (reportDue) chunk.push({ kind: 'report', timeNs, era: sampleHello.era, counts: countsNow() })
        reportDue = false
        yield asRead(chunk)
      }
    }
    async function* connections() {
      yield connection()
      await forever
    }
    const context = sampleContext()
    void watch({
      connections: connections(),
      journal,
      clusterJournal: { add: () => undefined } as unknown as Journal,
      prepare: async () => undefined,
      tally,
      limits: { maxQueueDepth: 1_000_000 },
      takeNewList: () => false,
      context: () => context,
      clusterContext: () => context,
      onBootTime: () => undefined,
      onChange: () => undefined,
      state,
      bootId: 'b',
      clock,
      log,
      signal: over,
    })
    return { journal, die: () => life.abort() }
  }
  let agent = startAgent()

  function report(): void {
    reportDue = true
    bell.ring()
  }

  return {
    produce,
    overflow,
    sealed,
    report,
    fill: (full: boolean) => {
      isFull = full
    },
    hang: (hangs: boolean) => {
      endSlow()
      slow = undefined
      if (hangs)
        slow = new Promise((resolve) => {
          endSlow = resolve
        })
    },
    restart: () => {
      agent.die()
      agent = startAgent()
    },
    depth: () => agent.journal.depth,
    dropped: (site: Site) => Number(counts[site].dropped),
    /** All is well again, and everything has its way. */
    async end() {
      endSlow()
      slow = undefined
      isFull = false
      for (let i = 0; i < 6; i += 1) {
        report()
        await settled()
        await agent.journal.flushed()
      }
      assert.equal(ring.length, 0)
      return { counts, made }
    },
  }
}

/** As the decoder gives them: opens that follow each other are equal here, and one. */
function asRead(chunk: readonly SensorMessage[]): readonly SensorMessage[] {
  const read: SensorMessage[] = []
  for (const message of chunk) {
    const before = read.at(-1)
    if (before?.kind === 'file_open' && message.kind === 'file_open')
      read[read.length - 1] = { ...before, again: { times: (before.again?.times ?? 0) + 1, lastNs: message.timeNs } }
    else read.push(message)
  }
  return read
}

const timesOf = (sealed: readonly Sealed[]) => sealed.reduce((times, { count = 1 }) => times + count, 0)

const sum = (records: readonly (PerSite<number> | null | undefined)[], name: string) =>
  records.reduce((total, counts) => total + (counts?.[name] ?? 0), 0)

function assertBalanced(sealed: readonly Sealed[], counts: SensorCounts, made: readonly Made[]): void {
  const records = sealed.map(({ unmapped }) => unmapped)
  const missing = (site: Site) =>
    sum(
      records.map(({ drop }) => drop?.dropped),
      site,
    ) +
    sum(
      records.map(({ gap }) => gap?.lost),
      site,
    )
  for (const site of sites) {
    const delivered = timesOf(sealed.filter(({ unmapped }) => unmapped.site === site))
    const shed = sum(
      records.map(({ shed }) => shed?.sites),
      site,
    )
    assert.equal(Number(counts[site].produced), delivered + shed + missing(site), site)
  }
  for (const kind of kinds) {
    const { site } = sampleObservations[samples[kind]] as { site: Site }
    const delivered = timesOf(sealed.filter(({ metadata }) => metadata.event_code === kind))
    const shed = sum(
      records.map(({ shed }) => shed?.shed),
      kind,
    )
    assert.equal(made.filter((act) => act.kind === kind).length, delivered + shed + missing(site), kind)
    if (kind !== 'exec' && kind !== 'exit') assert.equal(shed, 0, `${kind} is never shed`)
  }
}

/** Whoever asks about any moment is told what is known of it. */
function assertTold(sealed: readonly Sealed[], made: readonly Made[]): void {
  const { bootOffsetNs } = sampleContext()
  const known = sealed.map(({ metadata, time, end_time = time }) => ({
    from: BigInt(metadata.original_time ?? 0),
    forNs: BigInt(end_time - time) * 1_000_000n,
  }))
  const unknown = sealed
    .flatMap(({ unmapped: { drop, gap, shed } }) => drop ?? gap ?? shed ?? [])
    .map(({ from, to }) => ({ from: parseRfc3339(from) ?? 0n, to: parseRfc3339(to) ?? 0n }))
  const unsaid = made.filter(({ timeNs }) => {
    const at = timeNs + bootOffsetNs
    const isTold = known.some(({ from, forNs }) => from <= timeNs && timeNs <= from + forNs)
    return !isTold && !unknown.some(({ from, to }) => from <= at && at <= to)
  })
  assert.deepEqual(unsaid, [])
}

const step = fc.oneof(
  { weight: 12, arbitrary: fc.array(fc.constantFrom(...kinds), { maxLength: 30 }) },
  { weight: 6, arbitrary: fc.constantFrom('turn' as const, 'report' as const, 'overflow' as const) },
  { weight: 4, arbitrary: fc.constantFrom('full' as const, 'room' as const, 'hang' as const, 'go on' as const) },
  { weight: 1, arbitrary: fc.constant('restart' as const) },
)

test('AGT-5 produced = sealed + shed + dropped + lost, per site and class, whatever halts or dies; what is missing lies in an interval that says so; order is kept', async () => {
  let shedInAll = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async (steps) => {
      const { produce, overflow, fill, hang, restart, report, end, sealed } = machine()
      await settled()
      for (const act of steps) {
        if (typeof act !== 'string') act.forEach(produce)
        else if (act === 'report') report()
        else if (act === 'overflow') overflow()
        else if (act === 'restart') restart()
        else if (act === 'full' || act === 'room') fill(act === 'full')
        else if (act === 'hang' || act === 'go on') hang(act === 'hang')
        await settled()
      }
      const { counts, made } = await end()
      assertBalanced(sealed, counts, made)
      assertTold(sealed, made)
      const times = sealed.filter(({ unmapped }) => unmapped.site).map(({ metadata }) => Number(metadata.original_time))
      assert.deepEqual(
        times,
        times.toSorted((one, other) => one - other),
      )
      shedInAll += sum(
        sealed.map(({ unmapped }) => unmapped.shed?.shed),
        'exit',
      )
    }),
    // The agent dies with heads sealed that know of what was shed, and no record that tells of it.
    { numRuns: 40, examples: [[['full', Array(20).fill('exit'), Array(20).fill('exit'), 'room', 'turn', 'restart']]] },
  )
  assert.ok(shedInAll > 0, 'and something was shed at all')
})

test('AGT-5 on a full disk what is informational gives way, exits first, and nothing else is kept waiting in the kernel', async () => {
  const { produce, fill, end, sealed, depth, dropped } = machine()
  await settled()
  fill(true)
  const grave = limits.maxQueueDepth - 2
  for (let i = 0; i < 200; i += 1) {
    produce(i % 3 === 0 ? 'exec' : 'exit')
    if (i % 12 === 0 && i / 12 < grave) produce(i % 24 === 0 ? 'ptrace' : 'file_open')
    await settled()
    assert.ok(depth() <= limits.maxQueueDepth)
  }
  for (const site of ['exec', 'exit', 'openat', 'ptrace'] as const) assert.equal(dropped(site), 0)
  const { counts, made } = await end()
  assertBalanced(sealed, counts, made)
  const codes = sealed.map(({ metadata }) => metadata.event_code)
  assert.equal(codes.filter((code) => code === 'ptrace' || code === 'file_open').length, grave)
  assert.deepEqual([codes.filter((code) => code === 'exec').length, codes.includes('exit')], [2, false])
  assert.equal(codes.filter((code) => code === 'shed').length, 1, 'one record, once sealing goes on')
})

test('where nothing may give way reading waits, and the kernel counts what it drops', async () => {
  const { produce, fill, end, sealed, dropped } = machine()
  await settled()
  fill(true)
  for (let i = 0; i < 100; i += 1) {
    produce('ptrace')
    await settled()
  }
  const lost = dropped('ptrace')
  assert.ok(lost > 0 && lost <= 100 - limits.maxQueueDepth - ringMax)
  const { counts, made } = await end()
  assertBalanced(sealed, counts, made)
})
