// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createFairTurns } from './fair-turns.ts'

/** Who had turns, in their order; each piece is over before the next begins. */
async function orderOf(asked: readonly (readonly [group: string, member: string, cost: number])[], atOnce = 1e9) {
  let passes = 0
  const turns = createFairTurns(
    {
      sleep: async () => {
        passes += 1
      },
    },
    atOnce,
  )
  const order: string[] = []
  let underWay = 0
  const all = asked.map(async ([group, member, cost]) => {
    const end = await turns.take(group, member, cost)
    underWay += 1
    assert.equal(underWay, 1, 'one at a time')
    order.push(member)
    await Promise.resolve()
    underWay -= 1
    end()
    end()
  })
  await Promise.all(all)
  return { order: order.join(' '), passes }
}

const times = <T>(count: number, one: T): T[] => Array<T>(count).fill(one)

test('ING one who asks for a hundred turns has one between those of each other', async () => {
  const asked = [...times(100, ['t', 'flood', 1] as const), ['t', 'a', 1] as const, ['t', 'b', 1] as const]
  const { order } = await orderOf(asked)
  assert.match(order, /^flood a b flood flood/)
})

test('what a piece costs counts: large ones come as much more seldom', async () => {
  const { order } = await orderOf([...times(4, ['t', 'L', 4] as const), ...times(8, ['t', 's', 1] as const)])
  assert.equal(order, 'L s s s s L s s s s L L')
})

test('a group has its part however many members ask in another one', async () => {
  const many = Array.from({ length: 6 }, (_, i) => ['many', `m${i}`, 1] as const)
  const { order } = await orderOf([...many, ...times(3, ['one', 'x', 1] as const)])
  assert.equal(order, 'm0 x m1 x m2 x m3 m4 m5')
})

test('whoever rested saved nothing up, and whoever had much is not forgiven by resting a moment', async () => {
  const turns = createFairTurns({ sleep: async () => undefined }, 1e9)
  const order: string[] = []
  const take = async (member: string, cost = 1) => {
    const end = await turns.take('t', member, cost)
    order.push(member)
    return end
  }
  const begin = await take('early')
  begin()
  for (let i = 0; i < 10; i += 1) (await take('busy'))()
  const held = await take('late')
  const rest = ['busy', 'early', 'busy', 'early', 'early'].map(async (one) => (await take(one))())
  order.length = 0
  held()
  await Promise.all(rest)
  assert.equal(order.join(' '), 'early early busy early busy')
})

test('after so much everything else has a turn, and those of whom nothing waits are forgotten in time', async () => {
  assert.equal((await orderOf(times(10, ['t', 'a', 2] as const), 4)).passes, 5)
  const many = Array.from({ length: 5_000 }, (_, i) => ['t', `m${i}`, 1] as const)
  assert.equal((await orderOf(many)).order, many.map(([, member]) => member).join(' '))
})
