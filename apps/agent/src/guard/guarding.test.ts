// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLog, systemClock } from '@sealwatch/base'
import type { GuardEvent } from '@sealwatch/contract'
import { type GuardOrders, guardOrdersOf } from '@sealwatch/contract/guard-config'
import type { Threat } from '@sealwatch/protect/protocol'
import type { Done } from '../hands/hands.ts'
import { plainStart, sampleContext, sampleFile, sampleTask } from '../observe/sample-observations.ts'
import type { SensorMessage } from '../sources/observation.ts'
import { keyOf } from './act.ts'
import { createGuarding } from './guarding.ts'
import type { HandsRequest, HandsResult } from './hands-client.ts'
import { createRegistry } from './registry.ts'
import { actAt, thief } from './sample-acts.ts'

const second = 1_000_000_000n
const billing = { pid: 900, startNs: 12_340_000_000n, comm: 'keyservice', ppid: 1 }

const ended: Done = {
  ...{
    step: 'kill',
    pid: thief.pid,
    start_ns: String(thief.startNs),
    killed: 1,
    rounds: 1,
    spared: 0,
    left: 0,
  },
  ...{ received_ns: String(actAt), signalled_ns: String(actAt + 2_000_000n), ended_ns: String(actAt + 3_000_000n) },
}

/** A guard with one service that registered itself, and hands that answer what is said here. */
function guardOf(orders: GuardOrders = guardOrdersOf({ responses: { kill: 'on' } })) {
  const sealed: GuardEvent[] = []
  const threats: { readonly threat: Threat; readonly steps: readonly string[] }[] = []
  const kills: HandsRequest[] = []
  let answer: HandsResult = { done: ended }
  let nowNs = actAt
  let said = orders
  let last = 0
  const newId = () => `id_${++last}`
  const registry = createRegistry({ own: [], newId })
  const registered = registry.register({
    ...billing,
    name: 'billing',
    uid: 64,
    exe: '/usr/sbin/keyservice',
    steps: ['evict', 'rotate'],
  })
  assert(typeof registered === 'object')
  const context = sampleContext()
  const guarding = createGuarding({
    registry,
    processes: { handles: () => false, inGroup: () => undefined },
    orders: () => said,
    hostMntNs: thief.mntNs,
    seal: ({ event }) => void sealed.push(event),
    context: () => context,
    prepare: async () => undefined,
    audit: async () => [{ finding: 'core_limit', severity: 'medium', advice: 'x' }],
    services: () => ({
      threaten: (_, threat, steps) => {
        threats.push({ threat, steps })
        return true
      },
      forget: () => undefined,
    }),
    hands: {
      command: async (kill) => {
        kills.push(kill)
        return answer
      },
    },
    ours: () => new Set([keyOf({ pid: 7, startNs: 70n * second })]),
    newId,
    bootNs: () => nowNs,
    clock: systemClock,
    log: createLog('guard', () => undefined, systemClock.nowMs),
  })
  return {
    ...{ guarding, sealed, threats, kills, registry, registered },
    set: (change: { orders?: GuardOrders; answer?: HandsResult; nowNs?: bigint }) => {
      said = change.orders ?? said
      answer = change.answer ?? answer
      nowNs = change.nowNs ?? nowNs
    },
    codes: () =>
      sealed.map(({ metadata, unmapped }) =>
        'guard_response' in unmapped
          ? `${unmapped.guard_response.step} ${unmapped.guard_response.state}`
          : metadata.event_code,
      ),
  }
}

const at = (timeNs = actAt) => ({ timeNs, truncated: false, actor: thief })
const read = (change: object = {}): SensorMessage =>
  ({
    ...at(),
    site: 'openat',
    kind: 'mem_open',
    syscall: 'openat',
    target: billing,
    flags: 0,
    ...change,
  }) as SensorMessage
const settled = () => new Promise((resolve) => setImmediate(resolve))

test('RIM-5 a read of the memory is answered before it is told: the reader is ended, the service forgets and changes its keys', async () => {
  const { guarding, threats, kills, codes, sealed, registered } = guardOf()
  await guarding.take([read(), read(), read({ actor: { ...thief, pid: 1301, startNs: thief.startNs + 1n } })])
  await settled()
  assert.deepEqual(
    kills.map(({ pid, step, protects }) => [pid, step, protects]),
    [
      [thief.pid, 'kill_tree', 'billing'],
      [1301, 'kill_tree', 'billing'],
    ],
  )
  assert.deepEqual(
    threats.map(({ threat, steps }) => [threat.way, threat.technique, steps]),
    [['proc_mem_read', 'T1003.007', ['evict', 'rotate']]],
  )
  assert.deepEqual(codes().slice(0, 3), ['guard_incident_opened', 'evict ordered', 'rotate ordered'])
  assert.deepEqual(codes().filter((code) => code === 'kill done').length, 2)
  const [first] = threats
  assert(first !== undefined)
  const { incident } = first.threat
  guarding.done(registered, { done: 'evict', incident, ok: true, detail: '3 keys' }, 2)
  guarding.done(registered, { done: 'rotate', incident, ok: false, detail: 'queued: the KMS does not answer' }, 5)
  await settled()
  assert.deepEqual(codes().slice(-2), ['evict done', 'rotate queued'])
  assert.equal(sealed.at(-1)?.severity, 'High')
  assert.equal(guarding.incidents, 1)
})

test('RIM-5 a guard that observes tells and does nothing, one that is off does not look, and hands that refuse are told of', async () => {
  const watching = guardOf(guardOrdersOf({ mode: 'observe', responses: { kill: 'on' } }))
  await watching.guarding.take([read()])
  assert.deepEqual([watching.codes(), watching.kills], [['guard_incident_opened'], []])
  assert.deepEqual(
    watching.threats.map(({ steps }) => steps),
    [[]],
  )
  watching.set({ orders: guardOrdersOf({ mode: 'off' }) })
  await watching.guarding.take([read({ actor: sampleTask({ pid: 4_000, ancestors: [], sessionId: 9 }) })])
  assert.equal(watching.guarding.counts.acts, 1)

  const refused = guardOf()
  refused.set({ answer: { refused: { code: 'ORDER_MISSING', rule: 'x', received: null, advice: 'x' } } })
  await refused.guarding.take([read()])
  await settled()
  assert(refused.codes().includes('kill refused'))
})

test('RIM-5 on trial nothing is ended, and after a while keys are changed again', async () => {
  const { guarding, set, codes, kills } = guardOf(guardOrdersOf({ cooldown_seconds: 60 }))
  await guarding.take([read()])
  assert.deepEqual(codes(), ['guard_incident_opened', 'kill dry_run', 'evict ordered', 'rotate ordered'])
  const stranger = sampleTask({ pid: 5_000, startNs: 50n * second, ancestors: [], sessionId: 9 })
  await guarding.take([read({ actor: stranger })])
  assert.deepEqual(codes().slice(4), ['guard_incident_opened', 'kill dry_run'], 'it rests')
  set({ nowNs: actAt + 61n * second })
  const other = sampleTask({ pid: 5_001, startNs: 51n * second, ancestors: [], sessionId: 10 })
  await guarding.take([read({ actor: other })])
  assert.deepEqual(codes().slice(6), ['guard_incident_opened', 'kill dry_run', 'evict ordered', 'rotate ordered'])
  assert.deepEqual(kills, [])
})

test('RIM-6 whom an allowance lets is recorded, and no incident', async () => {
  const allow = [{ id: 'a1', uid: thief.uid, until: '2100-01-01T00:00:00Z', by: 'usr_1', why: 'a crash' }]
  const { guarding, codes, kills } = guardOf(guardOrdersOf({ responses: { kill: 'on' }, allow }))
  await guarding.take([read(), read()])
  assert.deepEqual([codes(), kills, guarding.incidents], [['guard_allowed'], [], 0])
})

test('RIM-5 nobody ends what is protected, what it descends from, or a part of ours; each is told why', async () => {
  const { guarding, kills, sealed, registry } = guardOf()
  guarding.look([
    { ...billing, ppid: 800 },
    { pid: 800, startNs: 5n * second, ppid: 1 },
  ])
  const child = sampleTask({
    pid: 950,
    startNs: 80n * second,
    exe: '/usr/sbin/keyservice',
    ppid: 900,
    ancestors: [billing],
  })
  registry.learn({
    ...at(),
    kind: 'fork',
    actor: sampleTask({ ...billing, ancestors: [] }),
    child: { ...child, ppid: 900 },
  })
  const shell = sampleTask({ pid: 800, startNs: 5n * second, ancestors: [], sessionId: 11 })
  const supervisor = sampleTask({ pid: 7, startNs: 70n * second, ancestors: [], sessionId: 12 })
  await guarding.take([
    read({ actor: shell }),
    read({ actor: { ...child, ancestors: [] } }),
    read({ actor: supervisor }),
  ])
  assert.deepEqual(kills, [])
  const reasons = sealed.flatMap(({ unmapped }) =>
    'guard_response' in unmapped && unmapped.guard_response.state === 'spared' ? unmapped.guard_response.detail : [],
  )
  assert.deepEqual(reasons, ['what is protected descends from it', 'it is protected itself'])
})

test('RIM-3 who becomes protected and who ends is told, with what was wrong already', async () => {
  const { guarding, codes, registry, sealed } = guardOf()
  registry.setEntries([{ name: 'vault', exe: '/usr/bin/vault' }])
  const actor = sampleTask({ pid: 2_000, startNs: 80n * second, exe: '/usr/bin/vault' })
  await guarding.take([
    {
      ...at(),
      actor,
      site: 'exec',
      kind: 'exec',
      file: sampleFile('/usr/bin/vault'),
      filename: '',
      argv: [],
      ...plainStart,
    },
    { ...at(), actor: sampleTask({ ...billing, ancestors: [] }), site: 'exit', kind: 'exit', exitCode: 0, signal: 0 },
  ])
  await settled()
  assert.deepEqual(codes(), ['guard_unprotected', 'guard_protected'])
  assert.equal(sealed[1]?.severity, 'Medium')
})
