// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { createBehaviour, type Seed } from './index.ts'

const seed: Seed = [9, 10, 11, 0xffff_ffff]
const atMs = Date.UTC(2026, 10, 23)
const ns = (ms: number) => BigInt(ms) * 1_000_000n
const contextOf = (each: number) => ({
  tenant: `t${each % 3}`,
  user: `u${each}`,
  address: `192.0.${each % 50}.1`,
  route: `/r${each % 9}`,
})

function learned(users = 40) {
  const behaviour = createBehaviour({ seed, usersMax: 100, tenantsMax: 10 })
  for (let each = 0; each < 4_000; each += 1)
    behaviour.observe(contextOf(each % users), { failed: each % 7 === 0 }, ns(atMs + each * 30_000))
  return behaviour
}
const laterNs = ns(atMs + 4_000 * 30_000)
const again = () => createBehaviour({ seed: [0, 0, 0, 0], usersMax: 100, tenantsMax: 10 })
const told = (behaviour: ReturnType<typeof learned>) =>
  Array.from({ length: 40 }, (_, each) => behaviour.judge({ ...contextOf(each), address: '203.0.113.1' }, laterNs))

test('DET-1 what was learned is judged by after a restart as before it', () => {
  const before = learned()
  const after = again()
  after.restore(before.snapshot())
  assert.deepEqual(after.counts, before.counts)
  assert.deepEqual(told(after), told(before))
  assert(told(after).some(({ score }) => score > 0.1))
  assert.deepEqual(after.snapshot(), before.snapshot())
  for (const behaviour of [before, after]) behaviour.observe(contextOf(3), { failed: false }, laterNs)
  assert.deepEqual(after.snapshot(), before.snapshot())
})

test('DET-1 where there is room for fewer, those who were there latest are kept', () => {
  const small = createBehaviour({ seed, usersMax: 6, tenantsMax: 3 })
  small.restore(learned().snapshot())
  assert.deepEqual(small.counts, { users: 6, tenants: 3, ignored: 0 })
  const known = Array.from({ length: 40 }, (_, each) => each).filter(
    (each) => small.judge(contextOf(each), laterNs).confidence > 0,
  )
  assert.deepEqual(known, [34, 35, 36, 37, 38, 39])
})

test('DET-1 a snapshot that was altered anywhere is refused, and what was there stays', () => {
  const snapshot = learned(5).snapshot()
  const behaviour = learned()
  const before = behaviour.snapshot()
  const altered = fc.tuple(fc.nat(snapshot.length - 1), fc.integer({ min: 1, max: 255 })).map(([at, bits]) => {
    const copy = snapshot.slice()
    copy[at] = (copy[at] as number) ^ bits
    return copy
  })
  const cut = fc.nat(snapshot.length - 1).map((length) => snapshot.slice(0, length))
  const garbage = fc.uint8Array({ maxLength: 2_000 })
  fc.assert(
    fc.property(fc.oneof(altered, cut, garbage), (bytes) =>
      assert.throws(() => behaviour.restore(bytes), { code: 'BEHAVIOUR_SNAPSHOT' }),
    ),
    { seed: 8, numRuns: 500 },
  )
  assert.deepEqual(behaviour.snapshot(), before)
})

test('DET-1 also one with a right checksum is read strictly', () => {
  const made = (change: (words: Uint32Array) => void) => {
    const bytes = learned(5).snapshot()
    const body = bytes.length - 32
    change(new Uint32Array(bytes.buffer, 0, body / 4))
    bytes.set(hash('sha256', bytes.subarray(0, body), 'buffer'), body)
    return bytes
  }
  const [words, tenants] = [10, 3]
  const user = (each: number) => words + 108 * (tenants + each)
  const changes: Readonly<Record<string, (words: Uint32Array) => void>> = {
    'another version': (all) => all.fill(2, 2, 3),
    'a number that is none': (all) => all.fill(0x7fc0_0000, user(0) + 6, user(0) + 7),
    'a share beyond 1': (all) => all.fill(0x4000_0000, user(0) + 19, user(0) + 20),
    'a tenant that is not there': (all) => all.fill(7, user(4) + 2, user(4) + 3),
    'the same user twice': (all) => all.copyWithin(user(1), user(0), user(0) + 2),
    'the same tenant twice': (all) => all.copyWithin(words + 108, words, words + 2),
  }
  again().restore(made(() => undefined))
  for (const [what, change] of Object.entries(changes))
    assert.throws(() => again().restore(made(change)), { code: 'BEHAVIOUR_SNAPSHOT' }, what)
})

test('LOG-5 a snapshot names nobody', () => {
  const behaviour = again()
  behaviour.observe(
    { tenant: 'secret-tenant', user: 'secret-user', route: '/secret', agent: 'secret' },
    { failed: false },
    laterNs,
  )
  const snapshot = Buffer.from(behaviour.snapshot())
  for (const encoding of ['utf8', 'utf16le'] as const) assert(!snapshot.includes(Buffer.from('secret', encoding)))
})
