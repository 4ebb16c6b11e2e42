// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sampleTask } from '../observe/sample-observations.ts'
import type { SensorMessage } from '../sources/observation.ts'
import type { ProcessLook } from './registry.ts'
import { createUnseenStarts, unseenLimits } from './unseen-starts.ts'

const second = 1_000_000_000n
const look = (pid: number, startNs: bigint, change: Partial<ProcessLook> = {}): ProcessLook => ({
  ...{ pid, startNs, ppid: 1, comm: 'one', uid: 0, exe: null, units: [], labels: [] },
  ...change,
})
const pids = (all: readonly { readonly pid: number }[]) => all.map(({ pid }) => pid)

test('RIM-3 of what began before its starts are told the sensor is asked, once of each: not of threads of the kernel, nor of what is known', () => {
  let isWanted = false
  const unseen = createUnseenStarts(() => isWanted)
  const running = [
    look(10, second),
    look(11, second, { exe: '/usr/bin/known' }),
    look(12, second, { ppid: 2 }),
    look(13, 500n * second),
  ]
  assert.equal(unseen.look(running, 100n * second), false)
  unseen.begin(100n * second)
  assert.equal(unseen.look(running, 100n * second), false, 'no entry names a program')
  isWanted = true
  assert.equal(unseen.look(running, 101n * second), true)
  assert.deepEqual(pids(unseen.asked), [10])
  assert.equal(unseen.look(running, 102n * second), false)
  const actor = sampleTask({ pid: 10, startNs: second })
  unseen.take([{ kind: 'examined', site: 'examiner', timeNs: 1n, truncated: false, actor } as SensorMessage])
  assert.deepEqual(unseen.asked, [])
  assert.equal(unseen.look([...running, look(14, 400n * second)], 103n * second), false)
  assert.deepEqual(unseen.asked, [])
  // Another sensor has missed what began in between.
  unseen.begin(600n * second)
  unseen.look(running, 600n * second)
  assert.deepEqual(pids(unseen.asked), [10, 13])
})

test('RIM-3 of a thousand that run already all are asked for, so many at once; who does not answer is left', () => {
  const unseen = createUnseenStarts(() => true)
  const running = Array.from({ length: 1_000 }, (_, i) => look(i + 10, second))
  unseen.begin(100n * second)
  const seen = new Set<number>()
  for (let at = 100n * second; at < 140n * second; at += unseenLimits.patienceNs) {
    unseen.look(running, at)
    assert.ok(unseen.asked.length <= unseenLimits.askedMax)
    for (const { pid } of unseen.asked) seen.add(pid)
  }
  assert.equal(seen.size, 1_000)
  assert.deepEqual(unseen.asked, [])
})
