// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { allOf, type Filter, filterMatch, term } from '@sealwatch/contract/filter'
import type { Ledger } from '@sealwatch/ledger'
import fc from 'fast-check'
import { type DataRoom, machine, openDataRoom, type TestHost } from '../../../test/data-room.ts'
import { type Entry, entryOf } from '../data/entry.ts'
import { eventsOnly } from '../data/filters.ts'
import type { CloseCause } from './close-codes.ts'
import { type Hub, openHub } from './hub.ts'
import { bufferedMax, type Sink, type Subscriber } from './subscriber.ts'

const turn = () => new Promise((resolve) => setImmediate(resolve))

let room: DataRoom
let host: TestHost
before(async () => {
  room = await openDataRoom(['acme'])
  host = await room.host('acme', 'web-1')
})
after(() => room[Symbol.asyncDispose]())

const lookFor: readonly Filter[] = [
  eventsOnly,
  allOf(eventsOnly, term('class', '=', 1007)),
  allOf(eventsOnly, term('severity', '>=', 4)),
  term('kind', '=', 'head'),
  term('leaf', '<', 5),
]

/** The ledger as a hub sees it that does not keep up: nothing can be read while it is held. */
function holdable() {
  const ledger = room.ledgers.get('acme')
  let free = Promise.withResolvers<void>()
  free.resolve()
  const read: Ledger['read'] = async (...range) => {
    await free.promise
    return ledger.read(...range)
  }
  return {
    ledger: Object.assign(Object.create(ledger) as Ledger, { read }),
    hold: () => {
      free.resolve()
      free = Promise.withResolvers()
    },
    release: () => free.resolve(),
  }
}

/** Somebody who listens, goes away, comes again with the last cursor, and reads as fast as it likes. */
function client(hub: () => Hub, filter: Filter, from: number) {
  const gate = room.ports.gate
  const by = gate.authorise(machine('acme', 'feed:subscribe'), 'feed:subscribe', { tenant: 'acme', requestId: 'r' })
  const heard: number[] = []
  const skipped = new Set<number>()
  let cursor = from
  let isStalled = false
  let drain: () => void = () => undefined
  let current: Subscriber
  const causes: CloseCause[] = []
  const sinkOf = (): Sink => {
    let isOpen = true
    let isFirst = true
    return {
      get buffered() {
        return isStalled ? bufferedMax : 0
      },
      send: (frame) => {
        assert.ok(isOpen)
        assert.ok(!isStalled || isFirst, 'nothing is given to who takes nothing')
        isFirst = false
        const message = JSON.parse(frame.toString()) as { type: string; cursor: number; leaf_index?: number }
        assert.ok(message.cursor >= cursor, 'cursors grow')
        cursor = message.cursor
        if (message.leaf_index !== undefined) heard.push(message.leaf_index)
      },
      hold: () => undefined,
      release: () => undefined,
      onDrain: (then) => {
        drain = then
      },
      beat: () => true,
      close: async (cause, told) => {
        isOpen = false
        causes.push(cause)
        assert.ok(told >= cursor)
        cursor = told
      },
      drop: () => undefined,
    }
  }
  /** `now`: what came meanwhile is not asked for. */
  const come = (now = false) => {
    const { size } = room.ledgers.get('acme')
    for (let leaf = cursor; now && leaf < size; leaf += 1) skipped.add(leaf)
    if (now) cursor = size
    const state = { cursor, next: undefined, stalledNs: undefined, closed: false }
    current = { by, filter, match: filterMatch(filter), sink: sinkOf(), ...state }
    hub().join(current)
  }
  come()
  return {
    heard,
    skipped,
    causes,
    get current() {
      return current
    },
    stall: () => {
      isStalled = true
    },
    flow: () => {
      isStalled = false
      drain()
    },
    leave: () => {
      current.closed = true
      hub().leave(current)
    },
    come,
    get isUpToDate() {
      return current.next !== undefined && current.cursor >= room.ledgers.get('acme').size
    },
  }
}
type Client = ReturnType<typeof client>

const steps = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant('seal' as const), events: fc.integer({ min: 1, max: 12 }) }),
    fc.record({
      do: fc.constantFrom('stall' as const, 'flow' as const, 'again' as const, 'now' as const),
      who: fc.nat(2),
    }),
    fc.record({ do: fc.constantFrom('beat' as const, 'hold' as const, 'wait' as const), who: fc.constant(0) }),
  ),
  { minLength: 5, maxLength: 30 },
)

test('API-2: whoever listens hears each line once and in order, however slowly, however often it comes again', async () => {
  const ledger = room.ledgers.get('acme')
  await fc.assert(
    fc.asyncProperty(
      steps,
      fc.tuple(fc.constantFrom(...lookFor), fc.constantFrom(...lookFor), fc.constantFrom(...lookFor)),
      fc.tuple(fc.nat(40), fc.nat(40), fc.nat(40)),
      fc.integer({ min: 1, max: 8 }),
      fc.constantFrom(4, 1_000),
      async (script, filters, back, itemsMax, jumpLeaves) => {
        const held = holdable()
        const over = new AbortController()
        let clients: readonly Client[] = []
        const hub = openHub({
          ports: { ...room.ports, ledgers: { ...room.ledgers, get: () => held.ledger } },
          tenant: 'acme',
          jumpLeaves,
          bounds: () => ({ itemsMax, bytesMax: 1e9 }),
          inTurn: (work) => work(),
          end: (subscriber, cause) => {
            subscriber.closed = true
            hub.leave(subscriber)
            void subscriber.sink.close(cause, subscriber.cursor)
            // Told that it was too slow, and where to go on, it does.
            clients.find(({ current }) => current === subscriber)?.come()
          },
        })
        const running = hub.run(over.signal)
        const start = filters.map((_filter, i) => Math.max(0, ledger.size - (back[i] as number)))
        clients = filters.map((filter, i) => client(() => hub, filter, start[i] as number))
        let n = 0
        for (const step of script) {
          if (step.do === 'seal')
            await host.ship(
              Array.from({ length: step.events }, () => {
                n += 1
                return { class_uid: n % 3 === 0 ? 1007 : 1001, severity_id: n % 6, activity_id: 1 }
              }),
            )
          else if (step.do === 'beat') await hub.beat()
          else if (step.do === 'hold') held.hold()
          else if (step.do === 'wait') {
            held.release()
            await turn()
          } else {
            const one = clients[step.who] as Client
            if (step.do === 'stall') one.stall()
            if (step.do === 'flow') one.flow()
            if (step.do === 'again' || step.do === 'now') {
              one.leave()
              one.come(step.do === 'now')
            }
          }
        }
        held.release()
        for (const one of clients) one.flow()
        while (!clients.every(({ isUpToDate }) => isUpToDate)) await turn()
        const hostOf = await room.ports.hostBook.of('acme')
        const leaves = []
        while (leaves.length < ledger.size) leaves.push(...(await ledger.read(leaves.length, 4096)))
        const all = leaves.map((leaf) => entryOf(ledger, leaf, hostOf))
        for (const [i, one] of clients.entries()) {
          const match = filterMatch(filters[i] as Filter)
          const isDue = ({ leaf }: Entry) => leaf >= (start[i] as number) && !one.skipped.has(leaf)
          const due = all.filter((entry) => isDue(entry) && match(entry)).map(({ leaf }) => leaf)
          assert.deepEqual(one.heard, due)
          assert.ok(one.causes.every((cause) => cause === 'TOO_SLOW'))
          one.leave()
        }
        over.abort()
        await running
      },
    ),
    { numRuns: 150 },
  )
})
