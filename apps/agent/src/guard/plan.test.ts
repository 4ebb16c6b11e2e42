// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type GuardOrders, guardOrdersOf, type StepMode } from '@sealwatch/contract/guard-config'
import { sampleTask } from '../observe/sample-observations.ts'
import type { Act } from './act.ts'
import { createIncidents, type Incident } from './incident.ts'
import { type PlanContext, plan, type Step, spareReason, stepKey } from './plan.ts'
import { actAt, sampleAct, thief, vault } from './sample-acts.ts'

function incidentOf(...acts: readonly Act[]): Incident {
  const all = createIncidents(() => 'inc_1')
  for (const act of acts) all.take(act, actAt)
  return all.open[0] as Incident
}
const responses = (kill: StepMode, evict: StepMode = 'on', rotate: StepMode = 'on') =>
  guardOrdersOf({ responses: { kill, evict, rotate } })
const contextOf = (orders: GuardOrders, change: Partial<PlanContext> = {}): PlanContext => ({
  ...{ orders, ordered: new Set<string>(), isDueAgain: () => false, isCooling: () => false, spare: () => undefined },
  mntNsOf: () => undefined,
  ...change,
})
const said = (steps: readonly Step[]) => steps.map((step) => `${step.rests ? 'rests' : step.mode} ${stepKey(step)}`)
const [read, attach] = [sampleAct('proc_mem_read'), sampleAct('ptrace_attach')]
const thiefKey = `kill ${thief.pid}:${thief.startNs / 10_000_000n}`

test('RIM-5 each step is on, told only, or off; a guard that observes does none', () => {
  const incident = incidentOf(attach, read)
  assert.deepEqual(said(plan(incident, contextOf(responses('on')))), [`on ${thiefKey}`, 'on evict', 'on rotate'])
  assert.deepEqual(said(plan(incident, contextOf(guardOrdersOf()))), [`dry-run ${thiefKey}`, 'on evict', 'on rotate'])
  assert.deepEqual(said(plan(incident, contextOf(responses('off', 'dry-run', 'off')))), ['dry-run evict'])
  for (const mode of ['observe', 'off'] as const)
    assert.deepEqual(plan(incident, contextOf(guardOrdersOf({ mode, responses: { kill: 'on' } }))), [])
})

test('RIM-5 nothing is done for a look around or a medium act, and no keys are changed where nothing was reached', () => {
  const on = contextOf(responses('on'))
  for (const way of ['stopped', 'new_code', 'map_files'] as const)
    assert.deepEqual(plan(incidentOf(sampleAct(way), sampleAct('maps_read')), on), [], way)
  assert.deepEqual(said(plan(incidentOf(sampleAct('ptrace_attach', { error: 1 })), on)), [`on ${thiefKey}`])
  assert.deepEqual(said(plan(incidentOf(sampleAct('core_pattern_changed', { aim: 'machine' })), on)), [
    `on ${thiefKey}`,
  ])
  const aim = { ...vault, steps: ['evict'] } as const
  assert.deepEqual(said(plan(incidentOf(sampleAct('vm_read', { aim })), on)), ['on evict'])
})

test('RIM-5 what was ordered is not ordered again, and a step rests for the entry', () => {
  const incident = incidentOf(read)
  const ordered = new Set([thiefKey, 'evict'])
  assert.deepEqual(said(plan(incident, contextOf(responses('on'), { ordered }))), ['on rotate'])
  const isCooling = (step: string, name: string) => step === 'rotate' && name === 'vault'
  assert.deepEqual(said(plan(incident, contextOf(responses('on'), { ordered, isCooling }))), ['rests rotate'])
  const again = { ordered: new Set([thiefKey, 'evict', 'rotate']), isDueAgain: () => true }
  assert.deepEqual(said(plan(incident, contextOf(responses('on'), again))), ['on evict', 'on rotate'])
  assert.deepEqual(said(plan(incident, contextOf(responses('on'), { ...again, isCooling }))), [
    'on evict',
    'rests rotate',
  ])
})

test('RIM-5 who only looks around is not ended, whatever others of his session did', () => {
  const looking = sampleTask({ ...thief, pid: 1700, startNs: 89_000_000_000n })
  const looks = ['environ_read', 'maps_read', 'fd_listed'] as const
  const looked = looks.map((way) => sampleAct(way, { actor: looking }))
  assert.deepEqual(said(plan(incidentOf(read, ...looked), contextOf(responses('on')))), [
    `on ${thiefKey}`,
    'on evict',
    'on rotate',
  ])
  const both = plan(incidentOf(read, ...looked, sampleAct('vm_read', { actor: looking })), contextOf(responses('on')))
  assert.deepEqual(
    both.flatMap(({ suspect }) => suspect?.pid ?? []),
    [thief.pid, 1700],
  )
})

test('RIM-5 who opened it, who was handed it, and who forks faster than anybody kills', () => {
  const reader = { pid: 1500, startNs: 89_000_000_000n, comm: 'second', ppid: 1 }
  const handed = plan(incidentOf(read, sampleAct('memory_descriptor_passed', { reader })), contextOf(responses('on')))
  assert.deepEqual(
    handed.filter(({ step }) => step === 'kill').map(({ suspect, tree }) => [suspect?.pid, tree]),
    [
      [thief.pid, true],
      [1500, false],
    ],
  )
  const parent = { pid: 1250, startNs: 70_000_000_000n, comm: 'fork-bomb' }
  const children = [1, 2, 3].map((n) => {
    const actor = sampleTask({ ...thief, pid: 1600 + n, startNs: 89_000_000_000n, ancestors: [parent] })
    return sampleAct('vm_read', { actor })
  })
  const pids = (acts: readonly Act[]) =>
    plan(incidentOf(...acts), contextOf(responses('on'))).flatMap(({ suspect }) => suspect?.pid ?? [])
  assert.deepEqual(pids(children.slice(0, 2)), [1601, 1602])
  const shim = contextOf(responses('on'), { mntNsOf: () => thief.mntNs + 1 })
  const inside = plan(incidentOf(...children), shim).flatMap(({ suspect }) => suspect?.pid ?? [])
  assert.deepEqual(inside, [1601, 1602, 1603], 'whoever runs containers is not ended for what is done in one')
  assert.deepEqual(pids(children), [1601, 1602, 1603, 1250])
})

test('RIM-5 neither the machine nor what is protected is ever stopped', () => {
  const of = (what: string) => ({ ...nothing, [what]: () => true })
  const nothing = { isOurs: () => false, isProtected: () => false, isAbove: () => false, isKernel: () => false }
  const key = { pid: thief.pid, startNs: thief.startNs }
  assert.equal(spareReason(key, nothing), undefined)
  const reasons = [
    spareReason({ pid: 1, startNs: 1n }, nothing),
    spareReason({ pid: 0, startNs: 1n }, nothing),
    spareReason({ pid: 5, startNs: 0n }, nothing),
    ...['isOurs', 'isProtected', 'isAbove', 'isKernel'].map((what) => spareReason(key, of(what))),
  ]
  assert.equal(new Set(reasons).size, 6)
  assert(!reasons.includes(undefined))
  const [step] = plan(incidentOf(read), contextOf(responses('on'), { spare: () => 'it is a part of Sealwatch' }))
  assert.deepEqual([step?.step, step?.spared], ['kill', 'it is a part of Sealwatch'])
})
