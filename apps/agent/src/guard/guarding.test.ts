// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLog, systemClock } from '@sealwatch/base'
import type { GuardEvent } from '@sealwatch/contract'
import { type GuardOrders, guardOrdersOf } from '@sealwatch/contract/guard-config'
import type { Threat } from '@sealwatch/protect/protocol'
import { judgedAct } from '../carriage/guard-word.ts'
import type { Judged } from '../carriage/messages.ts'
import type { Done } from '../hands/hands.ts'
import { plainStart, sampleContext, sampleFile, sampleTask } from '../observe/sample-observations.ts'
import type { Observation, SensorMessage } from '../sources/observation.ts'
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
    freed: false,
  },
  ...{ received_ns: String(actAt), signalled_ns: String(actAt + 2_000_000n), ended_ns: String(actAt + 3_000_000n) },
}

/** A guard with one service that registered itself, and hands that answer what is said here. */
function guardOf(orders: GuardOrders = guardOrdersOf({ responses: { kill: 'on' } })) {
  const sealed: GuardEvent[] = []
  const threats: { readonly threat: Threat; readonly steps: readonly string[] }[] = []
  const kills: HandsRequest[] = []
  const judged: Judged[] = []
  let answer: HandsResult = { done: ended }
  let nowNs = actAt
  let said = orders
  let awayNs: bigint | undefined
  let last = 0
  const newId = () => `id_${++last}`
  const registry = createRegistry({ own: [], newId })
  const asking = { ...billing, name: 'billing', uid: 64, exe: '/usr/sbin/keyservice' }
  const registered = registry.register({ ...asking, steps: ['evict', 'rotate'] }, actAt)
  assert(typeof registered === 'object')
  const context = sampleContext()
  const guarding = createGuarding({
    registry,
    processes: { handles: () => false, inGroup: () => undefined },
    orders: () => said,
    hostMntNs: thief.mntNs,
    ownKeyFiles: [],
    canPrevent: () => true,
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
    onJudged: (one) => judged.push(one),
    ours: () => new Set([keyOf({ pid: 7, startNs: 70n * second })]),
    newId,
    allowedNowMs: systemClock.nowMs,
    agentAwayNs: () => awayNs,
    bootNs: () => nowNs,
    log: createLog('guard', () => undefined, systemClock.nowMs),
  })
  return {
    ...{ guarding, sealed, threats, kills, judged, registry, registered },
    set: (change: { orders?: GuardOrders; answer?: HandsResult; nowNs?: bigint; awayNs?: bigint }) => {
      awayNs = change.awayNs ?? awayNs
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

test('RIM-5 who had ended before the hands came is no response that was not done', async () => {
  const { guarding, codes, set } = guardOf()
  set({ answer: { refused: { code: 'TARGET_GONE', rule: 'x', received: null, advice: 'x' } } })
  await guarding.take([read()])
  await settled()
  assert.equal(codes().at(-1), 'kill done')
})

test('RIM-5 what came of ending somebody is said in words: also that nobody was left to be ended', async () => {
  const told = async (change: Partial<Done>) => {
    const { guarding, sealed, set } = guardOf()
    set({ answer: { done: { ...ended, ...change } } })
    await guarding.take([read()])
    await settled()
    const unmapped = sealed.at(-1)?.unmapped as { guard_response: { detail: string } } | undefined
    return unmapped?.guard_response.detail
  }
  assert.equal(await told({ killed: 3, spared: 1 }), '3 killed, 1 spared')
  assert.equal(await told({ killed: 0, freed: true }), 'it had ended, what is protected goes on')
})

test('RIM-5 a read of the memory is answered before it is told: the reader is ended, the service forgets and changes its keys', async () => {
  const { guarding, threats, kills, codes, sealed, registered } = guardOf()
  await guarding.take([read(), read(), read({ actor: { ...thief, pid: 1301, startNs: thief.startNs + 1n } })])
  await settled()
  assert.deepEqual(
    kills.map(({ pid, step, protects, frees }) => [pid, step, protects, frees?.pid]),
    [
      [thief.pid, 'kill_tree', 'billing', billing.pid],
      [1301, 'kill_tree', 'billing', billing.pid],
    ],
  )
  assert.deepEqual(
    threats.map(({ threat, steps }) => [threat.way, threat.technique, steps]),
    [
      ['proc_mem_read', 'T1003.007', ['evict', 'rotate']],
      ['proc_mem_read', 'T1003.007', []],
    ],
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

test('RIM-5 what was denied is told so, and no key is changed for it; on trial what would have been', async () => {
  const rowsOf = ({ sealed }: ReturnType<typeof guardOf>) =>
    sealed.flatMap(({ unmapped }) => ('guard_incident' in unmapped ? unmapped.guard_incident.rows : []))
  const denied = guardOf()
  await denied.guarding.take([read({ prevented: true })])
  await settled()
  assert.deepEqual(
    rowsOf(denied).map(({ error, prevention }) => [error, prevention]),
    [['EPERM', 'denied']],
  )
  assert.match(denied.sealed[0]?.message ?? '', /; it was denied$/)
  assert.deepEqual(denied.codes(), ['guard_incident_opened', 'kill done'])
  const trial = guardOf(guardOrdersOf({ prevent: 'dry-run' }))
  await trial.guarding.take([read()])
  assert.deepEqual(
    rowsOf(trial).map(({ prevention }) => prevention),
    ['dry_run'],
  )
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

test('RIM-3 an incident says what is done about it of itself, and that no agent takes it meanwhile', async () => {
  const { guarding, sealed, set } = guardOf(guardOrdersOf({ responses: { kill: 'dry-run', rotate: 'off' } }))
  set({ awayNs: actAt - 9n * second })
  await guarding.take([read()])
  const told = sealed[0]?.unmapped
  assert(told !== undefined && 'guard_incident' in told)
  const { answers, agent_away, opened } = told.guard_incident
  assert.deepEqual(answers, ['evict'])
  assert.equal(Date.parse(opened) - Date.parse(agent_away ?? ''), 9_000)
})

test('RIM-5 on trial nothing is ended; who comes again finds that changing keys rests, and has them changed after that, though he is gone', async () => {
  const { guarding, set, codes, kills, sealed } = guardOf(guardOrdersOf({ cooldown_seconds: 60 }))
  await guarding.take([read()])
  assert.deepEqual(codes(), ['guard_incident_opened', 'kill dry_run', 'evict ordered', 'rotate ordered'])
  const stranger = sampleTask({ pid: 5_000, startNs: 50n * second, ancestors: [], sessionId: 9 })
  await guarding.take([read({ actor: stranger })])
  const rests = ['evict resting', 'rotate resting']
  assert.deepEqual(codes().slice(4).toSorted(), ['guard_incident_opened', 'kill dry_run', ...rests].toSorted())
  const resting = sealed.find(({ message }) => message.startsWith('evict for billing rests'))
  assert.match(resting?.message ?? '', /until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, then it is ordered$/)
  set({ nowNs: actAt + 40n * second })
  guarding.tick()
  await settled()
  assert.deepEqual(codes().slice(8), ['guard_incident_closed', 'guard_incident_closed'])
  set({ nowNs: actAt + 61n * second })
  guarding.tick()
  await settled()
  assert.deepEqual(codes().slice(10), ['evict ordered', 'rotate ordered'])
  const other = sampleTask({ pid: 5_001, startNs: 51n * second, ancestors: [], sessionId: 10 })
  set({ nowNs: actAt + 122n * second })
  await guarding.take([read({ actor: other })])
  await settled()
  const answers = ['guard_incident_opened', 'kill dry_run', 'evict ordered', 'rotate ordered']
  assert.deepEqual(codes().slice(12).toSorted(), answers.toSorted())
  assert.deepEqual(kills, [])
})

test('RIM-3 a service hears of an attempt when it begins, becomes graver and is joined by somebody else, and not for each act', async () => {
  const { guarding, threats } = guardOf(guardOrdersOf({ responses: { kill: 'off', evict: 'off', rotate: 'off' } }))
  const heard = () => threats.map(({ threat }) => threat.severity)
  const stopped = { site: 'signal_generate', kind: 'signal', signal: 19, sentBy: 'kill' }
  await guarding.take([read(stopped)])
  assert.deepEqual(heard(), ['medium'])
  await guarding.take([read()])
  assert.deepEqual(heard(), ['medium', 'critical'])
  await guarding.take([read(), read(stopped)])
  guarding.tick()
  assert.equal(threats.length, 2)
  await guarding.take([read({ actor: { ...thief, pid: 1301, startNs: thief.startNs + second } })])
  assert.deepEqual(heard(), ['medium', 'critical', 'critical'])
  assert.equal(new Set(threats.map(({ threat }) => threat.incident)).size, 1)
})

test('RIM-5 who reads on, or joins, after keys were changed has them changed again, once it was done and the step has rested, and not for ever', async () => {
  const { guarding, set, threats, registered, sealed } = guardOf(
    guardOrdersOf({ responses: { kill: 'off' }, cooldown_seconds: 10 }),
  )
  let nowNs = actAt
  const later = (seconds: number) => {
    nowNs += BigInt(seconds) * second
    set({ nowNs })
    guarding.tick()
  }
  const ordered = () => threats.flatMap(({ steps }) => steps)
  const isDone = () => {
    for (const step of ['evict', 'rotate'] as const)
      guarding.done(registered, { done: step, incident: threats[0]?.threat.incident ?? '', ok: true }, 2)
  }
  const evictions = () =>
    sealed.flatMap(({ unmapped }) =>
      'guard_response' in unmapped && unmapped.guard_response.step === 'evict'
        ? [`${unmapped.guard_response.state} ${unmapped.guard_response.since_act_ms}`]
        : [],
    )
  const vmRead = (change: object = {}) =>
    guarding.take([read({ timeNs: nowNs, site: 'process_vm_readv', kind: 'vm_read', bytes: 8, result: 8, ...change })])
  const joined = { ...thief, pid: 1301, startNs: thief.startNs + second }
  await vmRead()
  const once = ['evict', 'rotate']
  assert.deepEqual(ordered(), once)
  later(11)
  await vmRead({ actor: joined })
  assert.deepEqual(ordered(), once, 'it is not done yet')
  isDone()
  later(1)
  assert.deepEqual(ordered(), once, 'nothing was read since')
  await vmRead({ result: -1, bytes: 0 })
  await guarding.take([read({ timeNs: nowNs, site: 'signal_generate', kind: 'signal', signal: 19, sentBy: 'kill' })])
  later(1)
  assert.deepEqual(ordered(), once, 'nor by who was refused, or stopped it')
  await vmRead({ actor: joined })
  assert.deepEqual(ordered(), [...once, ...once])
  later(1)
  isDone()
  later(1)
  await vmRead()
  assert.deepEqual(ordered().length, 4, 'it rests')
  await settled()
  assert.deepEqual(evictions().slice(-2), ['done 1000', 'resting 0'], 'of the act that it was ordered for')
  later(9)
  assert.deepEqual(ordered().length, 6, 'it has rested, and was read meanwhile')
  later(1)
  isDone()
  later(1)
  await vmRead()
  await settled()
  assert.deepEqual(evictions().slice(-2), ['done 10000', 'resting 0'], 'it is told each time')
  for (let round = 0; round < 9; round += 1) {
    isDone()
    later(11)
    await vmRead()
    later(1)
  }
  await settled()
  assert.equal(ordered().length, 16)
  const details = sealed.flatMap(({ unmapped }) =>
    'guard_response' in unmapped &&
    unmapped.guard_response.state === 'ordered' &&
    unmapped.guard_response.step === 'rotate'
      ? [unmapped.guard_response.detail ?? '']
      : [],
  )
  assert.deepEqual(details.slice(0, 2), ['', 'again, 2 times by now: keys were read after it was done'])
  assert.match(details.at(-1) ?? '', /^again, 8 times by now: .*, and the last time in this incident$/)
  const answers = sealed.flatMap(({ unmapped }) =>
    'guard_response' in unmapped && unmapped.guard_response.state === 'done' ? [unmapped.guard_response.detail] : [],
  )
  assert.equal(answers[0], undefined)
  assert.match(answers[2] ?? '', /^it answered without the number of the order: whether it did it again nobody knows$/)
  assert.equal(guarding.incidents, 1)
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

test('RIM-2: the agent hears which acts an incident or an allowance tells, and how far the guard has judged; what weakens the whole machine has alerts of its own', async () => {
  const { guarding, sealed, judged, set } = guardOf()
  const harmless = {
    ...at(actAt + 5n),
    site: 'signal_generate',
    kind: 'signal',
    target: billing,
    signal: 12,
    sentBy: 'process',
  }
  await guarding.take([read(), harmless as SensorMessage])
  const [opened] = sealed.flatMap(({ unmapped }) => ('guard_incident' in unmapped ? [unmapped.guard_incident] : []))
  const told = judgedAct(read() as Observation, opened?.incident ?? '')
  assert.deepEqual(judged, [{ untilNs: String(actAt + 5n), acts: [told] }])
  // The same way again within a second: counted, and told later.
  await guarding.take([read(at(actAt + 9n))])
  assert.deepEqual(
    judged[1]?.acts.map(([, from, , by]) => [from, by]),
    [[String(actAt + 9n), opened?.incident]],
  )
  const pattern = {
    ...at(actAt + 10n),
    site: 'sysctl',
    kind: 'sysctl',
    name: 'kernel/core_pattern',
    before: 'core',
    after: '|/x',
  }
  await guarding.take([pattern as SensorMessage])
  assert.equal(judged.length, 2)
  const allow = [{ id: 'alw_1', uid: thief.uid, by: 'alice', why: 'a fault', until: '2099-01-01T00:00:00Z' }]
  set({ orders: guardOrdersOf({ allow }) })
  await guarding.take([read(at(actAt + 11n))])
  assert.deepEqual(
    judged[2]?.acts.map(([, from, , by]) => [from, by]),
    [[String(actAt + 11n), 'alw_1']],
  )
})

test('RIM-1 what stands in an environment beyond what the sensor had room for is judged once the examiner has looked through it', async () => {
  const { guarding, sealed } = guardOf()
  const shell = { pid: 1200, startNs: 60n * second, comm: 'bash' }
  const actor = sampleTask({ ...billing, exe: '/usr/sbin/keyservice', ancestors: [shell] })
  const at = { timeNs: actAt - 1n, truncated: false, actor } as const
  const file = sampleFile('/usr/sbin/keyservice')
  const start = { ...at, ...plainStart, kind: 'exec', site: 'exec', file, filename: '', argv: ['keyservice'] } as const
  const found = { argv: [], core: 0n, isDumpable: false, isPreloaded: false, variables: ['LD_PRELOAD'] } as const
  const examined = { ...at, ...found, kind: 'examined', site: 'examiner' } as const
  const opened = () => sealed.filter(({ metadata }) => metadata.event_code === 'guard_incident_opened')
  await guarding.take([start, examined])
  await settled()
  assert.deepEqual(opened(), [], 'of a start that was told whole it is no news')
  await guarding.take([{ ...start, variablesCut: true }])
  await guarding.take([examined, examined])
  await settled()
  assert.deepEqual(
    opened().map(({ unmapped }) => 'guard_incident' in unmapped && unmapped.guard_incident.way),
    ['preload'],
  )
})
