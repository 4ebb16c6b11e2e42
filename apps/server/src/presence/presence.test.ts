// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Heartbeat } from '@sealwatch/ledger'
import fc from 'fast-check'
import { type IncidentKind, type LifeEvent, newPresence, type Presence, step } from './presence.ts'

const beatAt = (ms: number, over: Partial<Heartbeat> = {}): Heartbeat => ({
  chain: 'c'.repeat(32),
  nextSeq: 7,
  tip: '0'.repeat(64),
  timeNs: 1_800_000_000_000_000_000n + BigInt(ms) * 1_000_000n,
  bootId: 'b',
  bootNs: 1n + BigInt(ms) * 1_000_000n,
  sites: { attached: 9, of: 9 },
  waiting: 0,
  ...over,
})
const beat = (ms: number, over: Partial<Heartbeat> = {}, ledgerSeq = 7, skewMs = 0): LifeEvent => ({
  kind: 'beat',
  beat: beatAt(ms, over),
  ledgerSeq,
  skewMs,
})
const registered = { kind: 'registered', beats: true } as const

/** Events with their times, and what was told of them, as "begun silent at 11000". */
function run(events: readonly (readonly [number, LifeEvent])[], start: Presence = newPresence('stopped', 0)) {
  let presence = start
  const told: string[] = []
  for (const [atMs, event] of events) {
    const taken = step(presence, event, atMs)
    presence = taken.presence
    told.push(...taken.told.map(({ incident, is }) => `${is} ${incident} at ${atMs}`))
  }
  return { presence, told }
}
const every = (fromMs: number, toMs: number, of: (ms: number) => LifeEvent) =>
  Array.from(
    { length: Math.floor((toMs - fromMs) / 3_000) + 1 },
    (_, i) => [fromMs + i * 3_000, of(fromMs + i * 3_000)] as const,
  )
const time = { kind: 'time' } as const
const looks = (fromMs: number, toMs: number) =>
  Array.from({ length: (toMs - fromMs) / 500 }, (_, i) => [fromMs + i * 500, time] as const)

describe('the presence of a host', () => {
  test('one that falls silent is told of within ten seconds, once, and of its return', () => {
    const { told } = run([
      [0, registered],
      ...every(1_000, 7_000, beat),
      ...looks(7_500, 40_000),
      [40_000, beat(40_000)],
    ])
    assert.deepEqual(told, ['begun silent at 15000', 'over silent at 40000'])
  })

  test('AGT-8 one that said in its chain that it stops is not silent, whatever of it arrives after that; if it stays away, that it was stopped is told', () => {
    const events = [
      [0, registered],
      [1_000, beat(1_000)],
      [2_000, { kind: 'stopped' }],
      [2_100, { kind: 'admitted' }],
    ] as const
    const { told, presence } = run([...events, ...looks(2_500, 90_000)])
    assert.deepEqual([told, presence.life], [['begun stopped at 10000'], 'stopped'])
    const back = run([[90_000, registered], ...looks(90_000, 99_000)], presence)
    assert.deepEqual(back.told, ['over stopped at 90000', 'begun silent at 98000'])
    const again = run([...events, ...looks(2_500, 9_500), [9_500, registered]])
    assert.deepEqual(again.told, [])
  })

  test('AGT-8 of one that had stopped before the server did the same half minute counts, and nothing is told twice', () => {
    assert.deepEqual(run(looks(0, 31_000)).told, ['begun stopped at 30000'])
    assert.deepEqual(run(looks(0, 31_000), newPresence('stopped', 0, ['stopped'])).told, [])
  })

  test('after a start of the server everybody has half a minute to come back', () => {
    const { told } = run(looks(0, 31_000), newPresence('expected', 0))
    assert.deepEqual(told, ['begun silent at 30000'])
    assert.deepEqual(run([...looks(0, 29_000), [29_000, registered]], newPresence('expected', 0)).told, [])
  })

  test('of an incident that was told before the server started nothing is told again but its end', () => {
    const silent = newPresence('silent', 0, ['silent', 'sensor_gone'])
    const { told } = run([...looks(0, 60_000), [60_000, registered], [61_000, beat(61_000)]], silent)
    assert.deepEqual(told, ['over silent at 60000', 'over sensor_gone at 61000'])
  })

  test('an agent too old for heartbeats lives by its heads, one a minute', () => {
    const heads = [60_000, 120_000, 180_000].map((ms) => [ms, { kind: 'admitted' } as const] as const)
    const { told } = run([[0, { kind: 'registered', beats: false }], ...heads, ...looks(180_500, 320_000)])
    assert.deepEqual(told, ['begun silent at 310000'])
  })

  test('a sensor that goes, and one that comes back with fewer sites', () => {
    const { told } = run([
      [0, registered],
      [3_000, beat(3_000)],
      ...every(6_000, 12_000, (ms) => beat(ms, { sites: undefined })),
      [15_000, beat(15_000, { sites: { attached: 8, of: 9 } })],
      [18_000, beat(18_000)],
      // Back within the second, as a rule: its gap is told of.
      [21_000, beat(21_000, { sites: undefined })],
      [24_000, beat(24_000)],
    ])
    assert.deepEqual(told, [
      'begun sensor_gone at 12000',
      'over sensor_gone at 15000',
      'begun sites_closed at 15000',
      'over sites_closed at 18000',
    ])
  })

  test('one that seals and does not send; while the server itself is slow with what came, nobody is blamed', () => {
    const behind = (ms: number) => beat(ms, { nextSeq: 9 })
    const { told } = run([[0, registered], ...every(3_000, 30_000, behind), [33_000, beat(33_000, { nextSeq: 9 }, 9)]])
    assert.deepEqual(told, ['begun withholds at 18000', 'over withholds at 33000'])
    const sends = every(3_000, 60_000, behind).flatMap(([ms, event]) => [
      [ms, event] as const,
      [ms + 1, { kind: 'shipped' } as const] as const,
    ])
    assert.deepEqual(run([[0, registered], ...sends]).told, [])
  })

  test('AGT-8 one whose disk takes nothing more: ever more wait to be sealed there, and nothing comes; a busy one, or one that a slow server keeps waiting, is not told of', () => {
    const full = (ms: number) => beat(ms, { waiting: ms / 10 })
    const { told } = run([[0, registered], ...every(3_000, 12_000, full), [15_000, beat(15_000, { waiting: 900 })]])
    assert.deepEqual(told, ['begun cannot_seal at 9000', 'over cannot_seal at 15000'])
    const busy = every(3_000, 60_000, full).flatMap(([ms, event]) => [
      [ms, event] as const,
      [ms + 1, { kind: 'shipped' } as const] as const,
    ])
    assert.deepEqual(run([[0, registered], ...busy]).told, [])
    const waits = every(3_000, 60_000, (ms) => beat(ms, { waiting: (ms / 3_000) % 2 === 0 ? 700 : 20 }))
    assert.deepEqual(run([[0, registered], ...waits]).told, [])
  })

  test('a clock that is set: within a heartbeat, whichever way; one that is slewed or slept is right', () => {
    const set = (ms: number) => beat(ms, ms < 9_000 ? {} : { timeNs: beatAt(ms).timeNs - 5_000_000_000n })
    const { told } = run([[0, registered], ...every(3_000, 90_000, set)])
    assert.deepEqual(told, ['begun clock_off at 9000', 'over clock_off at 69000'])
    const slewed = (ms: number) => beat(ms, { timeNs: beatAt(ms).timeNs + BigInt(ms) * 500_000n })
    assert.deepEqual(run([[0, registered], ...every(3_000, 90_000, slewed)]).told, [])
    const year = run([[0, registered], ...every(3_000, 9_000, (ms) => beat(ms, {}, 7, 365 * 86_400_000))])
    assert.deepEqual(year.told, ['begun clock_off at 3000'])
  })

  test('POL-2 a policy that is not enforced for a minute is told of, and its end; of a host that is away nobody knows', () => {
    const says = (areEnforced: boolean) => ({ kind: 'policies', areEnforced }) as const
    const beats = (fromMs: number, toMs: number) => every(fromMs, toMs, beat)
    const short = [[1_000, says(false)], ...beats(2_000, 59_000), [60_500, says(true)]] as const
    assert.deepEqual(run([[0, registered], ...short, ...beats(61_000, 130_000)]).told, [])
    const long = [[1_000, says(false)], ...beats(2_000, 63_000), [64_000, says(false)], [65_000, says(true)]] as const
    assert.deepEqual(run([[0, registered], ...long]).told, [
      'begun policy_not_enforced at 62000',
      'over policy_not_enforced at 65000',
    ])
    const away = [
      [1_000, says(false)],
      [2_000, { kind: 'stopped' }],
      [90_000, registered],
    ] as const
    assert.deepEqual(run([[0, registered], ...away, [90_100, says(false)], ...beats(91_000, 149_000)]).told, [])
  })

  test('a heartbeat of before, sent once more, is no sign of life', () => {
    const { told } = run([[0, registered], [3_000, beat(3_000)], ...every(6_000, 30_000, () => beat(3_000))])
    assert.deepEqual(told, ['begun silent at 12000'])
  })

  test('whatever happens: begun and over take turns, silence is never told late, and never of one that beats', () => {
    const doing = fc.record({
      afterMs: fc.integer({ min: 1, max: 6_000 }),
      what: fc.constantFrom('beat', 'beat', 'beat', 'blind', 'registered', 'admitted', 'shipped', 'stopped', 'set'),
    })
    fc.assert(
      fc.property(fc.array(doing, { maxLength: 120 }), (doings) => {
        let presence = newPresence('stopped', 0)
        let nowMs = 0
        let heardMs = Number.POSITIVE_INFINITY
        let stoppedMs = Number.POSITIVE_INFINITY
        let offsetNs = 0n
        const open = new Set<IncidentKind>()
        const take = (event: LifeEvent) => {
          const taken = step(presence, event, nowMs)
          presence = taken.presence
          for (const { incident, is } of taken.told) {
            assert.equal(open.has(incident), is === 'over')
            if (is === 'over') open.delete(incident)
            else open.add(incident)
            if (incident === 'silent' && is === 'begun') assert(nowMs - heardMs >= 8_000)
          }
        }
        for (const { afterMs, what } of doings) {
          for (const until = nowMs + afterMs; nowMs < until; ) {
            nowMs = Math.min(until, nowMs + 500)
            take(time)
            if (nowMs - heardMs >= 8_500) assert(open.has('silent'))
            if (nowMs - stoppedMs >= 8_500) assert(open.has('stopped'))
          }
          if (what === 'set') offsetNs += 4_000_000_000n
          if (what === 'shipped' || what === 'stopped') take({ kind: what })
          else if (what === 'admitted') take({ kind: 'admitted' })
          else if (what === 'registered') take(registered)
          else
            take(
              beat(nowMs, { timeNs: beatAt(nowMs).timeNs + offsetNs, ...(what === 'blind' && { sites: undefined }) }),
            )
          if (what === 'stopped') [heardMs, stoppedMs] = [Number.POSITIVE_INFINITY, nowMs]
          else if (what !== 'shipped' && (what !== 'admitted' || presence.life !== 'stopped')) heardMs = nowMs
          if (presence.life !== 'stopped') stoppedMs = Number.POSITIVE_INFINITY
          assert.deepEqual(presence.open, open)
          if (heardMs === nowMs) assert(!open.has('silent'))
        }
      }),
      { numRuns: 300 },
    )
  })
})
