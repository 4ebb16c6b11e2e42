// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Observation, Task } from '../sources/observation.ts'
import { createProcessTable, type ProcessRow } from './process-table.ts'
import { plainStart, sampleFile, sampleTask } from './sample-observations.ts'

const limits = { processesMax: 4, exitsRemembered: 2, tracedMax: 2, cmdLineUnitsMax: 10 }
const row: ProcessRow = { pid: 5, startTicks: 100n, exe: '/bin/five', argv: ['five'], uid: 0 }

function task(pid: number, change: Partial<Task> = {}): Task {
  return sampleTask({ pid, startNs: BigInt(pid), exe: `/bin/${pid}`, ancestors: [], ...change })
}
function exec(actor: Task, argv: readonly string[] = []): Observation {
  return {
    kind: 'exec',
    timeNs: 9n,
    truncated: false,
    actor,
    file: sampleFile('/x'),
    filename: '/x',
    argv,
    ...plainStart,
  }
}
function exit(actor: Task): Observation {
  return { kind: 'exit', timeNs: 9n, truncated: false, actor, exitCode: 0, signal: 0 }
}

test('a process from /proc is found by any start time within its tick, and by no other', () => {
  const table = createProcessTable(limits)
  table.seed([row], 7n)
  assert.equal(table.find({ pid: 5, startNs: 1_000_000_000n })?.exe, '/bin/five')
  assert.equal(table.find({ pid: 5, startNs: 1_009_999_999n })?.cmdLine, 'five')
  assert.equal(table.find({ pid: 5, startNs: 1_010_000_000n }), undefined)
})

test('a pid given to another process is another process', () => {
  const table = createProcessTable(limits)
  table.learn(exec(task(3)))
  table.learn(exec(task(3, { startNs: 77n, exe: '/bin/other' })))
  assert.equal(table.find(task(3)), undefined)
  assert.equal(table.find({ pid: 3, startNs: 77n })?.exe, '/bin/other')
})

test('exec gives image and arguments, cut to their limit; later acts keep them', () => {
  const table = createProcessTable(limits)
  table.learn(exec(task(3), ['run', 'with', 'many']))
  table.learn({ ...exit(task(3)), timeNs: 50n })
  const { cmdLine, imageSinceNs, executed } = table.find(task(3)) ?? {}
  assert.deepEqual({ cmdLine, imageSinceNs, executed }, { cmdLine: 'run with m', imageSinceNs: 9n, executed: true })
})

test('an image whose exec was missed is known from now on only, without arguments', () => {
  const table = createProcessTable(limits)
  table.learn(exec(task(3), ['run']))
  table.learn({ ...exit(task(3, { exe: '/bin/changed' })), timeNs: 50n })
  const { exe, cmdLine, imageSinceNs } = table.find(task(3)) ?? {}
  assert.deepEqual({ exe, cmdLine, imageSinceNs }, { exe: '/bin/changed', cmdLine: null, imageSinceNs: 50n })
})

test('beyond the limit the least recently active is forgotten; being an ancestor counts as activity', () => {
  const table = createProcessTable(limits)
  for (const pid of [1, 2, 3, 4]) table.learn(exec(task(pid)))
  table.learn(exec(task(5, { ancestors: [task(1)] })))
  assert.deepEqual(
    [1, 2, 3, 4, 5].map((pid) => table.find(task(pid)) !== undefined),
    [true, false, true, true, true],
  )
  assert.equal(table.size, 4)
})

test('an ended process is remembered for a number of exits, and a new owner of its pid is not forgotten with it', () => {
  const table = createProcessTable(limits)
  const reborn = task(1, { startNs: 99n })
  table.learn(exit(task(1)))
  table.learn(exit(task(2)))
  assert.notEqual(table.find(task(1)), undefined)
  table.learn(exec(reborn))
  table.learn(exit(task(3)))
  assert.notEqual(table.find(reborn), undefined)
  table.learn(exit(task(4)))
  assert.equal(table.find(task(2)), undefined)
})

test('of more traced processes than the limit, the longest held are forgotten', () => {
  const table = createProcessTable(limits)
  const attach = { kind: 'ptrace', timeNs: 9n, truncated: false, actor: task(9), request: 0x4206, result: 0 } as const
  for (const pid of [1, 2, 3]) table.learn({ ...attach, target: task(pid) })
  assert.deepEqual(
    [1, 2, 3].map((pid) => table.tracerOf(task(pid))?.pid),
    [undefined, 9, 9],
  )
})

test('a process is what its parent was, from its fork to its exec, and to its end where it has none', () => {
  const table = createProcessTable(limits)
  const fork = (child: number, ppid = 3): Observation => {
    const target = { pid: child, startNs: BigInt(child), comm: 'x', ppid }
    return { kind: 'fork', timeNs: 9n, truncated: false, actor: task(3, { exe: null }), child: target }
  }
  table.learn(fork(6))
  assert.equal(table.find(task(6)), undefined, 'nothing is known of its parent')
  table.learn(exec(task(3, { ancestors: [task(2)] }), ['run']))
  table.learn(fork(4))
  const { exe, cmdLine, executed, imageSinceNs, ancestors } = table.find(task(4)) ?? {}
  assert.deepEqual([exe, cmdLine, executed, imageSinceNs], ['/bin/3', 'run', false, 4n])
  assert.deepEqual(
    ancestors?.map(({ pid }) => pid),
    [3, 2],
  )
  table.learn(fork(5, 2))
  assert.deepEqual(
    table.find(task(5))?.ancestors.map(({ pid }) => pid),
    [2],
    'CLONE_PARENT: its parent is that of its maker',
  )
  table.learn(exit(task(4, { exe: null })))
  assert.deepEqual([table.find(task(4))?.exe, table.find(task(4))?.cmdLine], ['/bin/3', 'run'])
  assert.equal(table.find(task(3))?.exe, '/bin/3', 'what a fork does not tell is not forgotten of its maker')
})
