// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Clock, systemClock } from '@sealwatch/base'
import { actAt, thief } from '../guard/sample-acts.ts'
import type { Observation, SensorMessage } from '../sources/observation.ts'
import { createGuardWord, guardWordLimits, judgedAct } from './guard-word.ts'

const aim = { pid: 900, startNs: 12_340_000_000n, comm: 'keyservice', ppid: 1 }
const aimed = '900:1234'
const act = (timeNs = actAt, target = aim) =>
  ({
    kind: 'mem_open',
    site: 'openat',
    timeNs,
    truncated: false,
    actor: thief,
    target,
    syscall: null,
    flags: 0,
  }) as SensorMessage & Observation
const told = (timeNs = actAt, by = 'inc_1') => judgedAct(act(timeNs), by)

/** Time stands still until somebody lets it go on. */
function patient() {
  const waits: { readonly ms: number; readonly over: () => void }[] = []
  const clock: Clock = { ...systemClock, sleep: (ms) => new Promise((over) => waits.push({ ms, over })) }
  return { clock, waits }
}

async function isOver(waiting: Promise<void>): Promise<boolean> {
  const tick = new Promise((resolve) => setImmediate(resolve, 'waits'))
  return (await Promise.race([waiting, tick])) !== 'waits'
}

test('RIM-2: what concerns a protected process waits for what the guard makes of it, and bears the id of that; all else waits for nothing', async () => {
  const { clock, waits } = patient()
  const word = createGuardWord(clock)
  await word.heard([act()])
  word.protects({ processes: [aimed], paths: ['/etc/billing.key'] })
  await word.heard([act(actAt, { ...aim, pid: 901 })])
  const passed = { ...act(), kind: 'passed', path: '/proc/900/task/900/mem' } as unknown as SensorMessage
  const read = { ...act(), kind: 'file_open', watched: '/etc/billing.key' } as unknown as SensorMessage
  await word.heard([{ ...read, watched: '/etc/hosts' } as unknown as SensorMessage])
  for (const message of [act(), passed, read]) assert.equal(await isOver(word.heard([message])), false)
  const waiting = word.heard([act()])
  word.judged({ untilNs: String(actAt - 1n), acts: [] })
  assert.equal(await isOver(waiting), false)
  word.judged({ untilNs: String(actAt), acts: [told()] })
  await waiting
  assert.equal(word.on(act()), 'inc_1')
  assert.equal(word.on(act(actAt + 1n)), undefined)
  assert.deepEqual(new Set(waits.map(({ ms }) => ms)), new Set([guardWordLimits.patienceMs]))
})

test('RIM-2: a guard that is away or says nothing holds nobody up, and what it did not judge is told as if there were none', async () => {
  const { clock, waits } = patient()
  const word = createGuardWord(clock)
  word.protects({ processes: [aimed], paths: ['/etc/billing.key'] })
  const waiting = word.heard([act()])
  word.away()
  await waiting
  word.protects({ processes: [aimed], paths: ['/etc/billing.key'] })
  const late = word.heard([act()])
  for (const { over } of waits) over()
  await late
  assert.equal(word.on(act()), undefined)
  // Once is enough, until it says something.
  await word.heard([act(actAt + 1n)])
  word.judged({ untilNs: String(actAt + 1n), acts: [] })
  assert.equal(await isOver(word.heard([act(actAt + 2n)])), false)
})

test('RIM-2: acts that the guard read at once and the agent in pieces are all told by the incident; what else that process did is not', () => {
  const word = createGuardWord(systemClock)
  const again = { times: 5, lastNs: actAt + 9n }
  word.judged({ untilNs: String(actAt + 9n), acts: [judgedAct({ ...act(), again }, 'inc_1')] })
  assert.deepEqual([word.on(act()), word.on(act(actAt + 4n)), word.on(act(actAt + 9n))], ['inc_1', 'inc_1', 'inc_1'])
  assert.equal(word.on(act(actAt + 10n)), undefined)
  assert.equal(word.on(act(actAt + 4n, { ...aim, pid: 901 })), undefined)
  assert.equal(word.on({ ...act(actAt + 4n), kind: 'vm_read' } as Observation), undefined)
})

test('RIM-2: of more acts than are kept the oldest are forgotten, and told by themselves', () => {
  const word = createGuardWord(systemClock)
  const { actsMax } = guardWordLimits
  for (let i = 0n; i <= actsMax; i += 1n) word.judged({ untilNs: '1', acts: [told(actAt + i)] })
  assert.equal(word.on(act()), undefined)
  assert.equal(word.on(act(actAt + 1n)), 'inc_1')
})
