// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { guardOrdersOf, type Rehearsal } from '@sealwatch/contract/guard-config'
import { sampleTask } from '../observe/sample-observations.ts'
import type { TaskRef } from '../sources/observation.ts'
import { createIncidents } from './incident.ts'
import { plan, stepKey } from './plan.ts'
import { inEarnest, playedKin, type RehearsalContext, rehearsalOf } from './rehearsal.ts'
import { actAt, sampleAct, vault } from './sample-acts.ts'

const untilMs = Date.parse('2026-11-23T08:00:00Z')
const runner: TaskRef = { pid: 4000, startNs: 80_000_000_000n, comm: 'sealwatch' }
const shell: TaskRef = { pid: 3000, startNs: 70_000_000_000n, comm: 'bash' }
const at = ({ pid, startNs }: TaskRef) => ({ pid, start_ns: String(startNs) })
const rehearsal: Rehearsal = {
  ...{ id: 'run-1', name: vault.name, decoy: at(vault), runner: at(runner) },
  ...{ until: new Date(untilMs).toISOString(), by: 'operator:root' },
}
const played = (pid: number, ancestors: readonly TaskRef[] = [runner, shell]) =>
  sampleTask({ pid, startNs: BigInt(pid) * 1_000_000_000n + 7n, ancestors, sessionId: 5 })
const context = (change: Partial<RehearsalContext> = {}): RehearsalContext => ({
  rehearsals: [rehearsal],
  nowMs: untilMs - 1,
  isSelf: () => true,
  ancestorsOf: () => undefined,
  ...change,
})
const read = (change: object = {}) => sampleAct('proc_mem_read', { actor: played(4100), ...change })

test('RIM-5 a drill is what descends from whoever runs it does to its decoy, until its time is over; nothing else is', () => {
  assert.equal(rehearsalOf(read(), context())?.id, 'run-1')
  const below = [{ ...shell, pid: 4090, startNs: 90_000_000_000n }, runner, shell]
  assert.ok(rehearsalOf(read({ actor: played(4100, below) }), context()), 'what an attacker starts is one, too')
  const others: Parameters<typeof rehearsalOf>[] = [
    [read(), context({ rehearsals: [] })],
    [read(), context({ nowMs: untilMs })],
    [read(), context({ isSelf: () => false })],
    [read({ aim: 'machine' }), context()],
    [read({ aim: { ...vault, name: 'billing' } }), context()],
    [read({ aim: { ...vault, pid: vault.pid + 1 } }), context()],
    [read({ aim: { ...vault, startNs: vault.startNs + 20_000_000n } }), context()],
    [read({ actor: played(4100, [shell]) }), context()],
    [read({ actor: { ...played(4100), ...runner, ancestors: [shell] } }), context()],
    // A later process has the runner's number.
    [read({ actor: played(4100, [{ ...runner, startNs: runner.startNs + 20_000_000n }]) }), context()],
  ]
  for (const [index, [act, of]] of others.entries()) assert.equal(rehearsalOf(act, of), undefined, String(index))
})

test('RIM-5 who is handed the memory by an attacker of a drill is ended for it only where he is one, too', () => {
  const act = read({ reader: { ...shell, pid: 5000, ppid: 1 } })
  assert.equal(rehearsalOf(act, context()), undefined)
  assert.equal(rehearsalOf(act, context({ ancestorsOf: () => [shell] })), undefined)
  assert.ok(rehearsalOf(act, context({ ancestorsOf: () => [runner, shell] })))
})

test('RIM-5 each attacker of a drill is an attempt of its own; who attacks the decoy besides is none of them', () => {
  const incidents = createIncidents(() => `inc_${incidents.size + 1}`)
  const take = (pid: number, isPlayed: boolean) => {
    const act = read({ actor: played(pid) })
    incidents.take(act, actAt, isPlayed ? { id: 'run-1', kin: playedKin(act.actor, rehearsal) } : undefined)
  }
  take(4100, true)
  take(4100, true)
  take(4200, true)
  // From the same log-in.
  take(4300, false)
  take(4400, false)
  assert.deepEqual(
    incidents.open.map(({ rehearsal: of, actors }) => [of, actors.length]),
    [
      ['run-1', 1],
      ['run-1', 1],
      [undefined, 2],
    ],
  )
})

test('RIM-5 in a drill what is on trial is done, and what is off stays off', () => {
  const orders = guardOrdersOf({ responses: { kill: 'dry-run', evict: 'off', rotate: 'on' } }, [rehearsal])
  const incidents = createIncidents(() => 'inc_1')
  incidents.take(read(), actAt, { id: 'run-1', kin: [] })
  const [incident] = incidents.open
  assert.ok(incident)
  const rest = {
    ...{ ordered: new Set<string>(), isDueAgain: () => false, isCooling: () => false, spare: () => undefined },
    mntNsOf: () => undefined,
  }
  const modes = (of: typeof orders) =>
    plan(incident, { orders: of, ...rest }).map((one) => `${one.mode} ${stepKey(one)}`)
  assert.deepEqual(modes(orders), ['dry-run kill 4100:410000', 'on rotate'])
  assert.deepEqual(modes(inEarnest(orders)), ['on kill 4100:410000', 'on rotate'])
  assert.deepEqual(modes(inEarnest({ ...orders, mode: 'observe' })), [])
})
