// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Behaviour, type BehaviourContext, createBehaviour, type Feature, type Seed } from './index.ts'

const seed: Seed = [1, 2, 3, 4]
const [second, minute, hour, day] = [1_000, 60_000, 3_600_000, 86_400_000]
/** A Monday. */
const monday = Date.UTC(2026, 10, 23)
const ns = (ms: number) => BigInt(Math.round(ms)) * 1_000_000n
const ann: BehaviourContext = {
  tenant: 'acme',
  user: 'ann',
  address: '192.0.2.7',
  route: '/orders/:id',
  agent: 'Mozilla/5.0',
}
const well = { failed: false }

/** Each weekday from 9 to 17 o'clock, 6 requests in each tenth minute, more and less. */
function atWork(behaviour: Behaviour, weeks: number, context = ann): void {
  for (let at = 0; at < weeks * 7; at += 1) {
    if (at % 7 >= 5) continue
    for (let of = 0; of < 48; of += 1) {
      const from = monday + at * day + 9 * hour + of * 10 * minute
      for (let each = 0; each < 4 + ((at + of) % 5); each += 1)
        behaviour.observe(context, well, ns(from + each * second))
    }
  }
}
const afterWeeks = (weeks: number) => monday + weeks * 7 * day + 10 * hour
const knowing = (weeks = 4) => {
  const behaviour = createBehaviour({ seed, usersMax: 100, tenantsMax: 10 })
  atWork(behaviour, weeks)
  return behaviour
}
const wordsOf = (behaviour: Behaviour, context: BehaviourContext, atMs: number, feature: Feature) =>
  behaviour.judge(context, ns(atMs)).reasons.find((reason) => reason.feature === feature && reason.subject === 'user')
    ?.words

test('DET-1 what a user does as ever is no anomaly, and who is new is none either', () => {
  const behaviour = knowing()
  const asEver = behaviour.judge(ann, ns(afterWeeks(4)))
  assert.deepEqual(asEver.reasons, [])
  assert.equal(asEver.score, 0)
  assert(asEver.confidence > 0.9)
  const stranger = behaviour.judge({ ...ann, user: 'bob', address: '203.0.113.9' }, ns(monday + 28 * day + 3 * hour))
  assert.equal(stranger.confidence, 0)
  assert.deepEqual(
    stranger.reasons.filter(({ subject }) => subject === 'user'),
    [],
  )
  assert.deepEqual(behaviour.judge({ ...ann, tenant: 'other' }, ns(afterWeeks(4))), {
    score: 0,
    confidence: 0,
    reasons: [],
  })
})

test('DET-3 a flood is told with what there is and what is usual', () => {
  const behaviour = knowing()
  const from = afterWeeks(4)
  for (let each = 0; each < 411; each += 1) behaviour.observe(ann, well, ns(from + each * 100))
  assert.equal(wordsOf(behaviour, ann, from + 42_000, 'rate'), '412 requests in this minute; usually 4 to 9')
  const { score, reasons } = behaviour.judge(ann, ns(from + 42_000))
  assert(score > 0.9, `${score}`)
  assert.equal(reasons[0]?.feature, 'rate')
  // In the next minute it is over.
  assert.equal(wordsOf(behaviour, ann, from + 61_000, 'rate')?.includes('minute'), false)
})

test('DET-1 the less is known, the less an anomaly counts', () => {
  const scoreAfter = (weeks: number) => {
    const behaviour = createBehaviour({ seed, usersMax: 100, tenantsMax: 10 })
    if (weeks > 0) atWork(behaviour, weeks)
    else behaviour.observe(ann, well, ns(monday + 9 * hour))
    const from = afterWeeks(weeks)
    for (let each = 0; each < 100; each += 1) behaviour.observe(ann, well, ns(from + each * 100))
    return behaviour.judge(ann, ns(from + 11_000)).reasons.find(({ subject }) => subject === 'user')?.score ?? 0
  }
  const [none, one, four] = [scoreAfter(0), scoreAfter(1), scoreAfter(4)]
  assert(none < 0.25 && none < one && one < four, `${none} ${one} ${four}`)
})

test('DET-3 requests that fail, many routes, a strange hour, network, agent and route are told, each in words', () => {
  const behaviour = knowing()
  const from = afterWeeks(4)
  assert.equal(
    wordsOf(behaviour, { ...ann, address: '203.0.113.9' }, from, 'network'),
    'the first of 5761 requests from this network; 0 % of them brought a new network',
  )
  for (const other of [{ address: '2001:db8:1:2::9' }, { asn: 64_500 }])
    assert.match(String(wordsOf(behaviour, { ...ann, ...other }, from, 'network')), / from this network; /)
  assert.equal(wordsOf(behaviour, { ...ann, address: '192.0.2.200' }, from, 'network'), undefined)
  assert.match(
    String(wordsOf(behaviour, { ...ann, agent: 'curl/8' }, from, 'agent')),
    /^the first of 5761 requests with this agent; /,
  )
  assert.match(
    String(wordsOf(behaviour, { ...ann, route: '/admin' }, from, 'route')),
    /^the first of 5761 requests with this route; /,
  )
  assert.match(
    String(wordsOf(behaviour, ann, monday + 34 * day + 3 * hour, 'hour')),
    /^on Sunday 03:00 UTC; 0 % of 159 hours with requests were near that time$/,
  )
  for (let each = 0; each < 200; each += 1)
    behaviour.observe({ ...ann, route: `/scan/${each}` }, { failed: true }, ns(from + each * second))
  assert.match(
    String(wordsOf(behaviour, ann, from + 200 * second, 'routes')),
    /^about \d+ different routes in this hour; usually 1 to 2$/,
  )
  assert.match(
    String(wordsOf(behaviour, ann, from + 200 * second, 'errors')),
    /^100 % of the latest requests failed; usually \d+ %$/,
  )
})

test('DET-1 a tenant has its own behaviour, also of requests without a user', () => {
  const behaviour = createBehaviour({ seed, usersMax: 100, tenantsMax: 10 })
  const nobody = { tenant: 'acme' }
  atWork(behaviour, 4, nobody)
  const from = afterWeeks(4)
  for (let each = 0; each < 500; each += 1) behaviour.observe(nobody, well, ns(from + each))
  const [reason] = behaviour.judge(nobody, ns(from + second)).reasons
  assert.deepEqual(
    [reason?.subject, reason?.feature, reason?.words],
    ['tenant', 'rate', '501 requests in this minute; usually 4 to 9'],
  )
  assert.equal(behaviour.counts.users, 0)
})

test('DET-1 a flood teaches little: after ten minutes of it, what is usual is told nearly as before', () => {
  const behaviour = knowing()
  const from = afterWeeks(4)
  for (let of = 0; of < 10; of += 1)
    for (let each = 0; each < 2_000; each += 1) behaviour.observe(ann, well, ns(from + of * minute + each * 20))
  const words = wordsOf(behaviour, ann, from + 9 * minute + 40 * second, 'rate')
  const upTo = Number(/usually \d+ to (\d+)/.exec(String(words))?.[1])
  assert(upTo <= 16, `${words}`)
})

test('DET-1 clocks that jump, ahead and back or to and fro, teach nothing', () => {
  const flood = (behaviour: Behaviour) => {
    const from = afterWeeks(4) + hour
    for (let each = 0; each < 411; each += 1) behaviour.observe(ann, well, ns(from + each * 100))
    return wordsOf(behaviour, ann, from + 42_000, 'rate')
  }
  const steady = flood(knowing())
  const far = Date.UTC(2090, 0)
  const jumping = knowing()
  for (let each = 0; each < 5_000; each += 1) {
    jumping.observe(ann, well, ns(each % 2 === 0 ? far + each * day : afterWeeks(4) + each * second))
  }
  assert.equal(flood(jumping), steady)
  const sunday = monday + 34 * day + 3 * hour
  assert.equal(
    wordsOf(jumping, ann, sunday, 'hour')?.replace(/\d+ hours/, ''),
    wordsOf(knowing(), ann, sunday, 'hour')?.replace(/\d+ hours/, ''),
  )
  // What is no time at all is counted, and nothing else.
  const before = jumping.snapshot()
  for (const timeNs of [-1n, ns(Date.UTC(2300, 0)), 1n << 200n]) {
    jumping.observe(ann, well, timeNs)
    assert.deepEqual(jumping.judge(ann, timeNs).reasons, [])
  }
  assert.equal(jumping.counts.ignored, 3)
  assert.deepEqual(jumping.snapshot(), before)
})

test('DET-1 what comes seconds late counts into the minute that has begun', () => {
  const late = knowing()
  const from = afterWeeks(4)
  for (let each = 0; each < 100; each += 1) {
    late.observe(ann, well, ns(from + 1))
    late.observe(ann, well, ns(from - 5 * second))
  }
  assert.match(String(wordsOf(late, ann, from + second, 'rate')), /^201 requests in this minute/)
})

test('DET-1 judging teaches nothing', () => {
  const behaviour = knowing(1)
  const before = behaviour.snapshot()
  behaviour.judge({ ...ann, user: 'eve', tenant: 'new' }, ns(afterWeeks(1)))
  behaviour.judge({ ...ann, address: '203.0.113.1' }, ns(afterWeeks(1)))
  assert.deepEqual(behaviour.snapshot(), before)
})
