// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createBehaviour, type Seed } from './index.ts'
import { newIndex, newMembers } from './members.ts'
import { newSlab, rowWords } from './row.ts'

const seed: Seed = [5, 6, 7, 8]
const well = { failed: false }
const atNs = 1_795_000_000_000_000_000n

test('DET-1 rows are found by name as a Map finds them, whatever comes and goes', () => {
  const steps = fc.array(fc.tuple(fc.nat(40), fc.boolean()), { maxLength: 200 })
  fc.assert(
    fc.property(steps, (taken) => {
      const index = newIndex(newSlab(41), 41)
      const map = new Map<number, number>()
      // Few homes for many names.
      const nameOf = (each: number) => ({ low: each % 7, high: each })
      for (const [each, comes] of taken) {
        if (comes && !map.has(each)) {
          index.add(nameOf(each), each)
          map.set(each, each)
        } else if (!comes && map.delete(each)) index.remove(each)
        for (let name = 0; name <= 40; name += 1) assert.equal(index.find(nameOf(name)), map.get(name) ?? -1)
      }
    }),
    { seed: 8, numRuns: 300 },
  )
})

test('DET-1 the flood of one tenant takes no user from another one that has its share or less', () => {
  const behaviour = createBehaviour({ seed, usersMax: 90, tenantsMax: 9 })
  const see = (tenant: string, user: string) => behaviour.observe({ tenant, user }, well, atNs)
  const isKnown = (tenant: string, user: string) => behaviour.judge({ tenant, user }, atNs).confidence > 0
  for (let each = 0; each < 30; each += 1) see('calm', `u${each}`)
  for (let each = 0; each < 10; each += 1) see('small', `u${each}`)
  for (let each = 0; each < 10_000; each += 1) see('flood', `u${each}`)
  assert.deepEqual(behaviour.counts, { users: 90, tenants: 3, ignored: 0 })
  for (let each = 0; each < 30; each += 1) assert(isKnown('calm', `u${each}`), `${each}`)
  for (let each = 0; each < 10; each += 1) assert(isKnown('small', `u${each}`), `${each}`)
  assert(isKnown('flood', 'u9999') && isKnown('flood', 'u9950') && !isKnown('flood', 'u9949'))
  // Who has less than its share takes from who has most.
  for (let each = 10; each < 30; each += 1) see('small', `u${each}`)
  for (let each = 0; each < 30; each += 1)
    assert(isKnown('calm', `u${each}`) && isKnown('small', `u${each}`), `${each}`)
  assert(isKnown('flood', 'u9970') && !isKnown('flood', 'u9969'))
})

test('DET-1 a tenant that has its share takes no more from a larger one either', () => {
  const behaviour = createBehaviour({ seed, usersMax: 90, tenantsMax: 9 })
  const see = (tenant: string, count: number) => {
    for (let each = 0; each < count; each += 1) behaviour.observe({ tenant, user: `u${each}` }, well, atNs)
  }
  see('large', 60)
  see('small', 10)
  see('flood', 1_000)
  const known = (tenant: string, of: number) =>
    Array.from({ length: of }, (_, each) => behaviour.judge({ tenant, user: `u${each}` }, atNs)).filter(
      ({ confidence }) => confidence > 0,
    ).length
  assert.deepEqual([known('large', 60), known('small', 10), known('flood', 1_000)], [50, 10, 30])
})

test('DET-1 who was there least lately goes first', () => {
  const behaviour = createBehaviour({ seed, usersMax: 3, tenantsMax: 1 })
  for (const user of ['a', 'b', 'c', 'a', 'd']) behaviour.observe({ tenant: 't', user }, well, atNs)
  const known = ['a', 'b', 'c', 'd'].filter((user) => behaviour.judge({ tenant: 't', user }, atNs).confidence > 0)
  assert.deepEqual(known, ['a', 'c', 'd'])
})

test('DET-1 where there are too many tenants, the one that was there least lately goes with its users', () => {
  const behaviour = createBehaviour({ seed, usersMax: 10, tenantsMax: 2 })
  for (const tenant of ['one', 'two', 'one', 'three'])
    for (const user of ['a', 'b']) behaviour.observe({ tenant, user }, well, atNs)
  assert.deepEqual(behaviour.counts, { users: 4, tenants: 2, ignored: 0 })
  assert.equal(behaviour.judge({ tenant: 'two', user: 'a' }, atNs).confidence, 0)
  assert(behaviour.judge({ tenant: 'one', user: 'a' }, atNs).confidence > 0)
})

test('DET-1 rings, counts and index agree, whoever comes', () => {
  const visits = fc.array(fc.tuple(fc.nat(4), fc.nat(12)), { maxLength: 150 })
  fc.assert(
    fc.property(visits, (taken) => {
      const members = newMembers(12, 3)
      for (const [tenant, user] of taken) {
        const row = members.enterTenant({ low: tenant, high: tenant })
        const name = { low: user % 3, high: 100 * tenant + user }
        assert.equal(members.enterUser(name, row), members.user(name))
      }
      const users = [...members.eachTenant()].flatMap((tenant) => [...members.eachUser(tenant)])
      assert.equal(users.length, members.counts.users)
      assert.equal(new Set(users).size, users.length)
      assert(users.every((user) => user % rowWords === 0 && user < 12 * rowWords))
    }),
    { seed: 8, numRuns: 1_000 },
  )
})
