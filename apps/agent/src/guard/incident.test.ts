// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sampleTask } from '../observe/sample-observations.ts'
import type { Task } from '../sources/observation.ts'
import { keyOf, type ProtectedProcess } from './act.ts'
import {
  createIncidents,
  type IncidentGrowth,
  type IncidentLimits,
  type IncidentNews,
  incidentLimits,
} from './incident.ts'
import { actAt, sampleAct, thief, vault } from './sample-acts.ts'
import type { Way } from './ways.ts'

const second = 1_000_000_000n
const kinds = (news: readonly (IncidentNews | IncidentGrowth)[]) => news.map(({ kind }) => kind)

function incidents(limits: Partial<IncidentLimits> = {}) {
  let last = 0
  return createIncidents(() => `inc_${++last}`, { ...incidentLimits, ...limits })
}

test('RIM-2 an attempt is one incident: attach, reads and what is handed on, with what was reached', () => {
  const all = incidents()
  const [opened] = all.take(sampleAct('ptrace_attach'), actAt)
  assert.deepEqual([opened?.kind, opened?.incident.id, opened?.incident.way], ['opened', 'inc_1', 'ptrace_attach'])
  assert.deepEqual(kinds(all.take(sampleAct('proc_mem_read'), actAt + 1n)), ['updated'], 'a new way is told at once')
  for (let i = 2n; i < 500n; i += 1n)
    assert.deepEqual(
      all.take(sampleAct('vm_read', { timeNs: actAt + i, bytes: 4096 }), actAt + i).length,
      i === 2n ? 1 : 0,
    )
  const reader = { pid: 1500, startNs: 89_000_000_000n, comm: 'second', ppid: 1 }
  assert.deepEqual(kinds(all.take(sampleAct('memory_descriptor_passed', { reader }), actAt + 501n)), ['updated'])
  assert.deepEqual(kinds(all.tick(actAt + second / 2n)), [])
  assert.deepEqual(kinds(all.take(sampleAct('vm_read'), actAt + second)), [])
  assert.deepEqual(kinds(all.tick(actAt + 2n * second)), ['updated'])
  const [closed, ...more] = all.tick(actAt + 32n * second)
  assert(closed?.kind === 'closed' && more.length === 0)
  const { acts, rows, moreRows, reached, readers, severity } = closed.incident
  assert.deepEqual([closed.cause, acts, rows.length, moreRows, severity], ['quiet', 502, 200, 302, 'critical'])
  assert.deepEqual([reached.get('vm_read')?.count, reached.get('vm_read')?.bytes], [499, 498 * 4096])
  assert.deepEqual(readers, [reader])
  assert.equal(all.open.length, 0)
})

test('RIM-2 what is found later of an attempt that was told as it was made is the same: of whoever made it, or was handed something', () => {
  const all = incidents()
  const reader = sampleTask({ pid: 1_500 })
  assert.equal(all.has(sampleAct('ptrace_attach')), false)
  all.take(sampleAct('ptrace_seize'), actAt)
  all.take(sampleAct('memory_descriptor_passed', { reader: { ...reader, ppid: 1 } }), actAt)
  assert.equal(all.has(sampleAct('ptrace_attach')), true, 'a tracer that is found does not say how it took hold')
  assert.equal(all.has(sampleAct('proc_mem_read')), false)
  assert.equal(all.has(sampleAct('proc_mem_read', { actor: reader })), true)
  assert.equal(all.has(sampleAct('ptrace_attach', { aim: { ...vault, pid: 5 } })), false)
})

test('RIM-2 whoever was handed a descriptor goes on with the same attempt, though nobody is left of those who began it', () => {
  const all = incidents()
  const heir = sampleTask({ pid: 1_500, startNs: 89_000_000_000n, ancestors: [] })
  all.take(sampleAct('proc_mem_read'), actAt)
  all.take(sampleAct('memory_descriptor_passed', { reader: { ...heir, ppid: 1300 } }), actAt + 1n)
  all.gone(thief)
  all.take(sampleAct('vm_read', { actor: heir }), actAt + second)
  const child = sampleTask({ pid: 1_501, startNs: 90_000_000_000n, ancestors: [heir] })
  all.take(sampleAct('vm_read', { actor: child }), actAt + second)
  assert.deepEqual(
    all.open.map(({ id, actors }) => [id, actors.length]),
    [['inc_1', 3]],
  )
})

test('RIM-2 a look around is counted and opens nothing; within an incident it is part of it', () => {
  const all = incidents()
  assert.deepEqual(all.take(sampleAct('maps_read'), actAt), [])
  assert.deepEqual([all.lookedAround, all.taken, all.open.length], [1, 1, 0])
  all.take(sampleAct('stopped'), actAt)
  assert.deepEqual(kinds(all.take(sampleAct('fd_listed'), actAt + 1n)), ['updated'])
  const [graver] = all.take(sampleAct('proc_mem_read'), actAt + 2n)
  assert.deepEqual([graver?.incident.severity, graver?.incident.way], ['critical', 'proc_mem_read'])
  assert.equal(all.open[0]?.acts, 3)
})

test('RIM-2 one lineage is one incident, and strangers have their own', () => {
  const all = incidents()
  const shell = { pid: 1200, startNs: 60_000_000_000n, comm: 'bash' }
  const systemd = { pid: 1, startNs: 10_000_000n, comm: 'systemd' }
  const child = (pid: number, change: Partial<Task> = {}) =>
    sampleTask({ ...thief, pid, startNs: 80_000_000_000n, ancestors: [shell, systemd], ...change })
  const idOf = (actor: Task) => {
    all.take(sampleAct('vm_read', { actor }), actAt)
    return all.open.find(({ actors }) => actors.some((one) => keyOf(one) === keyOf(actor)))?.id
  }
  assert.equal(idOf(child(2001)), 'inc_1')
  assert.equal(idOf(child(2002)), 'inc_1', 'it has the same parent')
  assert.equal(idOf(child(1200, { startNs: shell.startNs, ancestors: [systemd] })), 'inc_1', 'it is the parent')
  assert.equal(idOf(child(2003, { ancestors: [systemd] })), 'inc_2', 'it has init alone in common')
  assert.equal(idOf(child(2004, { ancestors: [systemd], sessionId: 7 })), 'inc_3')
  assert.equal(idOf(child(2005, { ancestors: [], sessionId: 7 })), 'inc_3', 'it began with the same log-in')
  assert.equal(idOf(child(1200, { startNs: 85_000_000_000n, ancestors: [] })), 'inc_4', 'another process has that pid')
  const other = { ...vault, pid: 901, name: 'web' }
  const [opened] = all.take(sampleAct('vm_read', { actor: child(2001), aim: other }), actAt)
  assert.equal(opened?.kind, 'opened', 'another protected process is another incident')
})

test('RIM-2 whoever joins an attempt is told of at once to who answers it, and with the next news to all', () => {
  const all = incidents()
  all.take(sampleAct('vm_read'), actAt)
  const second_ = { ...thief, pid: 1301, tid: 1301 }
  const [joined, ...more] = all.take(sampleAct('vm_read', { actor: second_ }), actAt + 1n)
  assert.deepEqual([joined?.kind, joined?.incident.actors.length, more], ['joined', 2, []])
  assert.deepEqual(all.take(sampleAct('vm_read', { actor: second_ }), actAt + 2n), [])
  const [updated] = all.tick(actAt + second)
  assert(updated?.kind === 'updated' && updated.fresh.length === 2)
})

test('RIM-2 an incident ends with its actors, but not between the reads of one that forks for each', () => {
  const all = incidents()
  all.take(sampleAct('proc_mem_read'), actAt)
  all.gone(thief)
  assert.deepEqual(kinds(all.tick(actAt + 4n * second)), [])
  const next = { ...thief, pid: 1301, tid: 1301, startNs: thief.startNs + second }
  assert.deepEqual(kinds(all.take(sampleAct('proc_mem_read', { actor: next }), actAt + 4n * second)), ['updated'])
  assert.deepEqual(kinds(all.tick(actAt + 10n * second)), [], 'that one lives')
  all.gone(next)
  const [closed] = all.tick(actAt + 10n * second)
  assert.deepEqual([closed?.kind === 'closed' && closed.cause, closed?.incident.actors.length], ['gone', 2])
})

test('RIM-2 each maximum holds, and what is beyond is counted', () => {
  const all = incidents({ openMax: 4, openOfOneMax: 2, actorsMax: 3, rowsMax: 5, kinMax: 8 })
  const stranger = (pid: number) => ({ ...thief, pid, startNs: BigInt(pid) * second, ancestors: [] })
  const upon = (pid: number): ProtectedProcess => ({ ...vault, pid, name: `p${pid}` })
  for (let pid = 10; pid < 20; pid += 1) all.take(sampleAct('vm_read', { actor: stranger(pid) }), actAt)
  assert.deepEqual(all.open.map(({ acts }) => acts).sort(), [1, 9], 'a crowd is in the one that was active last')
  const crowd = all.open.find(({ acts }) => acts === 9)
  assert.deepEqual([crowd?.actors.length, crowd?.moreActors, crowd?.rows.length, crowd?.moreRows], [3, 6, 5, 4])
  const news = [3, 4, 5].flatMap((pid) => all.take(sampleAct('vm_read', { aim: upon(pid) }), actAt))
  assert.deepEqual(kinds(news), ['opened', 'opened', 'closed', 'opened'])
  assert(news[2]?.kind === 'closed' && news[2].cause === 'room')
  assert.equal(all.open.length, 4)
  assert.deepEqual(kinds(all.end()), Array(4).fill('closed'))
})

/** mulberry32: small, and the same everywhere. */
function seeded(seed: number) {
  let state = seed
  return (below: number) => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % below
  }
}

test('RIM-2 seeded: with 1,000 protected processes, pids that come again and times out of order no act is lost', () => {
  const seed = Number(process.env.SEED ?? 7)
  const random = seeded(seed)
  const some: Way[] = ['vm_read', 'proc_mem_read', 'ptrace_seize', 'maps_read', 'stopped', 'fd_taken']
  const aims = Array.from({ length: 1_000 }, (_, i): ProtectedProcess => ({ ...vault, pid: 5_000 + i, name: `p${i}` }))
  const all = incidents()
  const counted = new Map<string, number>()
  let closed = 0
  let given = 0
  let nowNs = actAt
  const hear = (news: readonly (IncidentNews | IncidentGrowth)[]) => {
    for (const one of news) {
      if (one.kind === 'joined') continue
      counted.set(one.incident.id, one.incident.acts)
      if (one.kind === 'closed') closed += 1
      assert(
        one.incident.rows.length <= incidentLimits.rowsMax && one.incident.actors.length <= incidentLimits.actorsMax,
      )
    }
    assert(all.size <= incidentLimits.openMax)
  }
  for (let step = 0; step < 3_000; step += 1) {
    nowNs += BigInt(random(200)) * 1_000_000n
    // A pid that is given again within the same second, to a process that began later.
    const pid = 3_000 + random(40)
    const startNs = nowNs - BigInt(random(3)) * 300_000_000n
    const ancestors = random(2) === 0 ? [] : [{ pid: 2_900 + random(5), startNs: second, comm: 'sh' }]
    const actor = { ...thief, pid, tid: pid, startNs, ancestors, sessionId: random(4) === 0 ? random(3) : null }
    const timeNs = nowNs - BigInt(random(50)) * 1_000_000n
    const times = 1 + random(5)
    const aim = aims[random(random(2) === 0 ? 10 : 1_000)] as ProtectedProcess
    given += times
    const act = sampleAct(some[random(some.length)] as Way, { actor, timeNs, lastNs: timeNs, times, aim })
    hear(all.take(act, nowNs))
    if (random(3) === 0) all.gone(actor)
    if (random(10) === 0) hear(all.tick(nowNs))
  }
  hear(all.end())
  const inIncidents = [...counted.values()].reduce((sum, acts) => sum + acts, 0)
  assert.equal(all.taken, given, `SEED=${seed}`)
  assert.equal(inIncidents + all.lookedAround, given, `SEED=${seed}`)
  assert.equal(closed, counted.size, `each that was opened is closed: SEED=${seed}`)
})

test('RIM-5 an incident says what of it was denied', () => {
  const all = incidents()
  const denied = { error: 1, prevention: 'denied' } as const
  all.take(sampleAct('proc_mem_read', denied), actAt)
  all.take(sampleAct('proc_mem_read', { prevention: 'dry_run' }), actAt + 1n)
  const [{ reached, rows } = assert.fail()] = all.open
  const { count, refused, denied: sum } = reached.get('proc_mem_read') ?? assert.fail()
  assert.deepEqual([count, refused, sum], [2, 1, 1])
  assert.deepEqual(
    rows.map(({ prevention }) => prevention),
    ['denied', 'dry_run'],
  )
})

test('RIM-2 seeded: one attempt by one lineage, however it forks, is one incident', () => {
  const random = seeded(11)
  const all = incidents()
  const root = { pid: 2_000, startNs: second, comm: 'attack' }
  const lineage: Task[] = [sampleTask({ ...thief, ...root, tid: 2_000, ancestors: [] })]
  let nowNs = actAt
  let opened = 0
  for (let step = 0; step < 2_000; step += 1) {
    nowNs += BigInt(random(20)) * 1_000_000n
    const parent = lineage[random(lineage.length)] as Task
    const pid = 10_000 + step
    const child = { ...thief, pid, tid: pid, startNs: nowNs, ancestors: [parent, ...parent.ancestors].slice(0, 8) }
    if (child.ancestors.length < 8) lineage.push(child)
    opened += all
      .take(sampleAct('vm_read', { actor: child, timeNs: nowNs }), nowNs)
      .filter(({ kind }) => kind === 'opened').length
    all.gone(child)
    all.tick(nowNs)
  }
  assert.equal(opened, 1)
  assert.equal(all.open[0]?.acts, 2_000)
})
