// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Observation, Task } from '../sources/observation.ts'
import { createProcessTable, processTableLimits } from './process-table.ts'
import { relationOf, relationUnderTrace } from './relation.ts'
import { plainStart, sampleFile, sampleTask } from './sample-observations.ts'

function exec(actor: Task, timeNs: bigint): Observation {
  return {
    kind: 'exec',
    timeNs,
    truncated: false,
    actor,
    file: sampleFile('/x'),
    filename: '/x',
    argv: [],
    ...plainStart,
  }
}
const debuggerTask = sampleTask({ pid: 10, startNs: 100n, exe: '/usr/bin/gdb', ancestors: [] })
const child = sampleTask({ pid: 11, startNs: 300n, exe: '/home/program', ancestors: [debuggerTask] })

test('a process is itself, by pid and start', () => {
  const table = createProcessTable(processTableLimits)
  assert.equal(relationOf({ actor: child, target: child }, table), 'self')
  assert.equal(relationOf({ actor: child, target: { ...child, startNs: 301n } }, table), 'foreign')
})

test('what the acting image launched is its own; anything else is foreign, the unknown included', () => {
  const table = createProcessTable(processTableLimits)
  table.learn(exec(debuggerTask, 200n))
  assert.equal(relationOf({ actor: debuggerTask, target: child }, table), 'foreign', 'not seen yet')
  table.learn(exec(child, 400n))
  assert.equal(relationOf({ actor: debuggerTask, target: child }, table), 'launched')
  assert.equal(relationOf({ actor: child, target: debuggerTask }, table), 'foreign', 'upwards')
  assert.equal(relationOf({ actor: sampleTask({ pid: 12 }), target: child }, table), 'foreign', 'a stranger')
})

test('a fork that has done nothing yet belongs to the image that forked it', () => {
  const table = createProcessTable(processTableLimits)
  table.learn(exec(debuggerTask, 200n))
  const fork = { pid: 13, startNs: 300n, comm: 'gdb', ppid: debuggerTask.pid }
  assert.equal(relationOf({ actor: debuggerTask, target: fork }, table), 'launched')
  assert.equal(relationOf({ actor: debuggerTask, target: { ...fork, ppid: 1 } }, table), 'foreign')
  table.learn(exec(debuggerTask, 400n))
  assert.equal(relationOf({ actor: debuggerTask, target: fork }, table), 'foreign', 'another image since')
})

test('a debugger put by exec into the process that started a service is no parent of it', () => {
  const table = createProcessTable(processTableLimits)
  const shell = { ...debuggerTask, exe: '/usr/bin/bash' }
  table.learn(exec(shell, 200n))
  table.learn(exec(child, 400n))
  assert.equal(relationOf({ actor: shell, target: child }, table), 'launched')
  table.learn(exec(debuggerTask, 500n))
  assert.equal(relationOf({ actor: debuggerTask, target: child }, table), 'foreign')
})

test('a bare fork that still runs its parent’s program may look at it, a program started by it may not', () => {
  const table = createProcessTable(processTableLimits)
  table.learn(exec(child, 400n))
  const fork = sampleTask({ pid: 12, startNs: 500n, exe: child.exe, ancestors: [child, debuggerTask] })
  assert.equal(relationOf({ actor: fork, target: child }, table), 'forked')
  assert.equal(relationOf({ actor: { ...fork, exe: '/tmp/other' }, target: child }, table), 'foreign')
  table.learn(exec(fork, 600n))
  assert.equal(relationOf({ actor: fork, target: child }, table), 'foreign', 'the same program, but started anew')
})

test('what a tracer does to what it holds, and to what that launches, was told when it took hold', () => {
  const table = createProcessTable(processTableLimits)
  const stranger = sampleTask({ pid: 20, startNs: 50n, ancestors: [] })
  const grandchild = sampleTask({ pid: 21, startNs: 600n, ancestors: [stranger] })
  const attach = { kind: 'ptrace', timeNs: 500n, truncated: false, actor: debuggerTask, target: stranger } as const
  const relation = (target: Task) => relationUnderTrace({ actor: debuggerTask, target }, table)

  table.learn({ ...attach, request: 16, result: -1 })
  assert.equal(relation(stranger), 'foreign', 'refused')
  table.learn({ ...attach, request: 16, result: 0 })
  assert.equal(relation(stranger), 'traced')
  assert.equal(relationOf({ actor: debuggerTask, target: stranger }, table), 'foreign', 'the attaching itself')
  table.learn(exec(grandchild, 700n))
  assert.equal(relation(grandchild), 'traced')
  assert.equal(relationUnderTrace({ actor: grandchild, target: stranger }, table), 'foreign')
})

test('a child that asks to be traced is its parent’s', () => {
  const table = createProcessTable(processTableLimits)
  const traceme = { kind: 'ptrace', timeNs: 500n, truncated: false, actor: child, target: child } as const
  table.learn({ ...traceme, request: 0, result: 0 })
  assert.equal(relationUnderTrace({ actor: debuggerTask, target: child }, table), 'traced')
  table.learn({ kind: 'exit', timeNs: 900n, truncated: false, actor: child, exitCode: 0, signal: 0 })
  assert.equal(relationUnderTrace({ actor: debuggerTask, target: child }, table), 'foreign')
})
