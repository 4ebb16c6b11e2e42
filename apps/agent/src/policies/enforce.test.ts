// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLog, systemClock } from '@sealwatch/base'
import { type SensorMessage, sites } from '../sources/observation.ts'
import type { SensorConnection } from '../sources/sensor-socket.ts'
import { createEnforcer } from './enforce.ts'
import { policiesOf } from './in-force.ts'

const policy = (id: string, mode: string, more: object = {}) => ({
  id,
  version: 7,
  digest: '',
  document: JSON.stringify({
    ...{ type: 'network', name: id, enabled: true, mode, default: 'allow' },
    rules: [{ id: 'no-telnet', action: 'deny', ports: [23] }],
    ...more,
  }),
})
const device = { uid: 'a'.repeat(32), hostname: 'web-1' }
const told = (...policies: ReturnType<typeof policy>[]) => policiesOf({ policies }, device).policies

/** An enforcer whose clock stands still until it is moved, and what it has told. */
function started() {
  let nowNs = 0n
  const orders: Buffer[] = []
  const enforcer = createEnforcer({
    tell: (order) => orders.push(Buffer.from(order)) > 0,
    accounts: () => new Map([[0, 'root']]),
    random: (bytes) => new Uint8Array(bytes).fill(3),
    clock: { ...systemClock, monotonicNs: () => nowNs },
    log: createLog(
      'agent',
      () => undefined,
      () => 0,
    ),
  })
  const hello = (ok: boolean) => ({
    kind: 'hello',
    attached: Object.fromEntries(sites.map((site) => [site, { ok, reason: '' }])),
  })
  async function hear(...messages: object[]) {
    async function* connection(): SensorConnection & AsyncGenerator {
      yield messages as SensorMessage[]
    }
    async function* all() {
      yield connection()
    }
    for await (const each of enforcer.heard(all())) for await (const _ of each) return
  }
  const seen = () => orders.splice(0).map((order) => [order.readUInt8(4), order.readUInt32LE(12)] as const)
  return { enforcer, orders, hello, hear, seen, later: (ms: number) => (nowNs += BigInt(ms) * 1_000_000n) }
}
const [table, hold, lift] = [1, 2, 3]

test('POL-2 the sensor is told of policies that are to be enforced when it is there, held to them every five seconds, and let go', async () => {
  const { enforcer, orders, hello, hear, seen, later } = started()
  enforcer.set(told(policy('telnet', 'enforce'), policy('watched', 'observe')))
  assert.deepEqual(seen(), [], 'nobody is there')
  const [first] = told(policy('telnet', 'enforce'))
  assert(first !== undefined)
  assert.equal(enforcer.hindranceOf(first), 'no_sensor')
  await hear(hello(false))
  assert.deepEqual(seen(), [], 'nobody who can')
  await hear(hello(true), { kind: 'report' })
  const number = orders[0]?.readUInt32LE(8) ?? 0
  assert.deepEqual(seen(), [[table, 30]])
  later(5_000)
  await hear(hello(true), { kind: 'report', table: number })
  assert.deepEqual(seen(), [[table, 30]], 'a sensor that is new is told, whatever it follows')
  assert.deepEqual(enforcer.ruleOf(number, 0)?.policy.id, 'telnet')
  assert.deepEqual([enforcer.ruleOf(number, 0)?.rule, enforcer.ruleOf(number, 1)?.rule], ['no-telnet', null])
  assert.equal(enforcer.ruleOf(number, 2), undefined, 'what is only observed is not in it')
  assert.equal(enforcer.ruleOf(number + 1, 0), undefined)
})

test('POL-2 who follows is renewed after five seconds and not before; who does not is told again', async () => {
  const { enforcer, orders, hello, hear, seen, later } = started()
  enforcer.set(told(policy('telnet', 'enforce')))
  async function* messages(): SensorConnection & AsyncGenerator {
    yield [hello(true)] as unknown as SensorMessage[]
    const number = orders[0]?.readUInt32LE(8)
    const report = (follows?: number) =>
      [{ kind: 'report', ...(follows && { table: follows }) }] as unknown as SensorMessage[]
    later(4_999)
    yield report(number)
    later(1)
    yield report(number)
    later(5_000)
    yield report()
    enforcer.set([])
    later(5_000)
    yield report(number)
    later(5_000)
    yield report()
  }
  async function* all() {
    yield messages()
  }
  for await (const connection of enforcer.heard(all())) for await (const _ of connection);
  assert.deepEqual(seen(), [
    [table, 30],
    [hold, 30],
    [table, 30],
    [lift, 0],
  ])
  await hear(hello(true), { kind: 'report' })
  assert.deepEqual(seen(), [], 'nothing to say')
})

test('POL-2 what stands in the way of a policy is told as it changes: no programs, another table, programs that were detached', async () => {
  const { enforcer, orders, hello } = started()
  const [telnet] = told(policy('telnet', 'enforce'))
  assert(telnet !== undefined)
  enforcer.set([telnet])
  const seen: (string | undefined)[] = []
  let changes = 0
  const over = new AbortController()
  async function count(): Promise<void> {
    while (!over.signal.aborted) {
      await enforcer.changed(over.signal)
      changes += 1
    }
  }
  const counting = count()
  async function* messages(): SensorConnection & AsyncGenerator {
    const report = (table: number, blind?: readonly string[]) => ({ kind: 'report', table, ...(blind && { blind }) })
    for (const message of [hello(false), hello(true)]) yield [message] as unknown as SensorMessage[]
    const number = orders[0]?.readUInt32LE(8) ?? 0
    for (const message of [report(number), report(number), report(number, ['policy']), report(number + 1)])
      yield [message] as unknown as SensorMessage[]
  }
  async function* all() {
    yield messages()
  }
  for await (const connection of enforcer.heard(all()))
    for await (const _ of connection) seen.push(enforcer.hindranceOf(telnet))
  assert.deepEqual(seen, ['not_attached', 'not_followed', undefined, undefined, 'not_attached', 'not_followed'])
  assert.equal(enforcer.hindranceOf(telnet), 'no_sensor')
  over.abort()
  await counting
  assert.equal(changes, 6 + 1, 'one that says the same again is no news')
})

test('POL-2 which policies the kernel does not follow, and why', async () => {
  const { enforcer, orders, hello } = started()
  const many = { rules: Array.from({ length: 300 }, (_, at) => ({ id: `r${at}`, action: 'deny', ports: [at + 1] })) }
  const about = (rules: readonly object[]) => ({ type: 'file', default: undefined, rules })
  const files = policy('files', 'enforce', about([{ id: 'x', paths: ['/x'], may: [] }]))
  const names = policy('names', 'enforce', about([{ id: 'x', paths: ['/x'], operations: ['rename'], may: [] }]))
  const policies = told(policy('large', 'enforce', many), policy('small', 'enforce'), files, names)
  enforcer.set(policies)
  assert.deepEqual(policies.map(enforcer.hindranceOf), ['no_room', 'no_sensor', 'no_sensor', 'not_here'])
  const seen: (string | undefined)[] = []
  async function* messages(): SensorConnection & AsyncGenerator {
    yield [hello(true)] as unknown as SensorMessage[]
    const fileTable = orders.find((order) => order.readUInt8(4) === 4)?.readUInt32LE(8)
    const report = (more: object) => [{ kind: 'report', ...more }] as unknown as SensorMessage[]
    yield report({})
    yield report({ fileTable })
    yield report({ fileTable, unguarded: 1 })
    yield report({ fileTable, blind: ['file_policy'] })
  }
  async function* all() {
    yield messages()
  }
  const [, , guarded] = policies
  assert(guarded !== undefined)
  for await (const connection of enforcer.heard(all()))
    for await (const _ of connection) seen.push(enforcer.hindranceOf(guarded))
  assert.deepEqual(seen, ['not_followed', 'not_followed', undefined, 'not_guarded', 'not_attached'])
})
