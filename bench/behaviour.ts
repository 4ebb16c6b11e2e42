// SPDX-License-Identifier: Apache-2.0

import process from 'node:process'
import { type BehaviourContext, createBehaviour } from '@sealwatch/detect/behaviour'
import { compare, compareAll, type Figure, figureOf } from './figure.ts'

const users = 100_000
const tenants = 100
const stepNs = 1_000_000n
const agent = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36'
const well = { failed: false }

/** What somebody would keep in a Map: the same things, as objects. */
type Plain = {
  count: number
  minute: number
  inMinute: number
  failed: number
  hours: number[]
  known: Map<string, number>
}

/** DET-1: a request of each of a hundred thousand users in turn, the worst that there is for a cache. */
export async function* benchBehaviour(runs = 5): AsyncGenerator<Figure> {
  const contexts = Array.from({ length: users }, (_, at): BehaviourContext => {
    const [tenant, user] = [`tenant-${at % tenants}`, `user-${at}@example.com`]
    return { tenant, user, address: `10.${at & 255}.${(at >> 8) & 255}.7`, route: `/api/orders/${at % 40}`, agent }
  })
  const before = arrayMb()
  const behaviour = createBehaviour({ seed: [1, 2, 3, 4] })
  const tablesMb = arrayMb() - before
  let timeNs = 1_795_000_000_000_000_000n
  const nextNs = () => {
    timeNs += stepNs
    return timeNs
  }
  const plain = new Map<string, Plain>()
  yield await compare({
    name: 'behaviour.observe',
    unit: 'requests/s',
    runs,
    ours: async () => {
      for (const context of contexts) behaviour.observe(context, well, nextNs())
      return users
    },
    peer: 'a Map of objects, by user, with the same things in them',
    theirs: async () => {
      for (const context of contexts) observePlain(plain, context, nextNs())
      return users
    },
  })
  const judged = async () => {
    for (const context of contexts) behaviour.judge(context, timeNs)
    return users
  }
  yield* compareAll({ name: 'behaviour.judge', unit: 'requests/s', runs, ours: judged, peers: [] })
  yield figureOf('behaviour.memory-of-100000-users', 'MB', [tablesMb])

  const snapshot = behaviour.snapshot()
  const restored = async () => {
    behaviour.restore(snapshot)
    return users
  }
  yield* compareAll({ name: 'behaviour.restore', unit: 'users/s', runs, ours: restored, peers: [] })
}

const arrayMb = () => process.memoryUsage().arrayBuffers / 1e6

function observePlain(plain: Map<string, Plain>, context: BehaviourContext, timeNs: bigint): void {
  const { tenant, user = '', address = '', route = '', agent: by = '' } = context
  const key = `${tenant}\n${user}`
  let known = plain.get(key)
  if (known === undefined) {
    known = { count: 0, minute: 0, inMinute: 0, failed: 0, hours: Array<number>(168).fill(0), known: new Map() }
    plain.set(key, known)
  }
  const minute = Math.floor(Number(timeNs) / 60e9)
  known.count += 1
  known.inMinute = minute === known.minute ? known.inMinute + 1 : 1
  known.minute = minute
  const hour = Math.floor(minute / 60) % 168
  known.hours[hour] = (known.hours[hour] ?? 0) + 1
  for (const thing of [address.slice(0, address.lastIndexOf('.')), route, by]) known.known.set(thing, minute)
}
