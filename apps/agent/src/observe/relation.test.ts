// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Observation, Task } from '../sources/observation.ts'
import { createProcessTable, processTableLimits } from './process-table.ts'
import { relationOf } from './relation.ts'
import { sampleFile, sampleTask } from './sample-observations.ts'

function exec(actor: Task, timeNs: bigint): Observation {
  return { kind: 'exec', timeNs, truncated: false, actor, file: sampleFile('/x'), filename: '/x', argv: [] }
}
const debuggerTask = sampleTask({ pid: 10, startNs: 100n, exe: '/usr/bin/gdb', ancestors: [] })
const child = sampleTask({ pid: 11, startNs: 300n, exe: '/home/program', ancestors: [debuggerTask] })

test('a process is itself, by pid and start', () => {
  const table = createProcessTable(processTableLimits)
  assert.equal(relationOf(child, child, table), 'self')
  assert.equal(relationOf(child, { ...child, startNs: 301n }, table), 'foreign')
})

test('what the acting image launched is its own; anything else is foreign, the unknown included', () => {
  const table = createProcessTable(processTableLimits)
  table.learn(exec(debuggerTask, 200n))
  assert.equal(relationOf(debuggerTask, child, table), 'foreign', 'not seen yet')
  table.learn(exec(child, 400n))
  assert.equal(relationOf(debuggerTask, child, table), 'launched')
  assert.equal(relationOf(child, debuggerTask, table), 'foreign', 'upwards')
  assert.equal(relationOf(sampleTask({ pid: 12 }), child, table), 'foreign', 'a stranger')
})

test('a debugger put by exec into the process that started a service is no parent of it', () => {
  const table = createProcessTable(processTableLimits)
  const shell = { ...debuggerTask, exe: '/usr/bin/bash' }
  table.learn(exec(shell, 200n))
  table.learn(exec(child, 400n))
  assert.equal(relationOf(shell, child, table), 'launched')
  table.learn(exec(debuggerTask, 500n))
  assert.equal(relationOf(debuggerTask, child, table), 'foreign')
})

test('a bare fork that still runs its parent’s program may look at it, a program started by it may not', () => {
  const table = createProcessTable(processTableLimits)
  table.learn(exec(child, 400n))
  const fork = sampleTask({ pid: 12, startNs: 500n, exe: child.exe, ancestors: [child, debuggerTask] })
  assert.equal(relationOf(fork, child, table), 'forked')
  assert.equal(relationOf({ ...fork, exe: '/tmp/other' }, child, table), 'foreign')
  table.learn(exec(fork, 600n))
  assert.equal(relationOf(fork, child, table), 'foreign', 'the same program, but started anew')
})
