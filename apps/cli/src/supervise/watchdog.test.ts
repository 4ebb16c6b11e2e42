// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'
import { afterEach, describe, test } from 'node:test'
import { type Clock, createLog, systemClock } from '@sealwatch/base'
import type { NewFinding } from './agent-line.ts'
import { heldOf, tracerOf } from './look.ts'
import type { RunningPart } from './part.ts'
import { type Task, taskOf } from './task.ts'
import { createWatchdog } from './watchdog.ts'

const skip = process.platform === 'linux' ? false : 'needs /proc'
const isNotRoot = process.getuid?.() !== 0 && 'needs root: to trace a process that is not its child'
const log = createLog(
  'test',
  () => undefined,
  () => 0,
)

describe('the watchdog', { skip }, () => {
  const children: ChildProcess[] = []
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL')
  })

  function sleeper(): { task: Task; child: ChildProcess } {
    const child = spawn('sleep', ['1000'], { stdio: 'ignore' })
    children.push(child)
    return { task: taskOf(child.pid as number) as Task, child }
  }
  const stopped = async (task: Task) => {
    process.kill(task.pid, 'SIGSTOP')
    while (heldOf(task, false) === undefined) await systemClock.sleep(1)
  }

  async function tracerOn(pid: number): Promise<ChildProcess> {
    const seize = `$| = 1; syscall(${process.arch === 'arm64' ? 117 : 101}, 0x4206, ${pid}, 0, 0) == 0 or die; print 'held'; sleep 600`
    const tracer = spawn('perl', ['-e', seize], { stdio: ['ignore', 'pipe', 'inherit'] })
    children.push(tracer)
    await once(tracer.stdout, 'data')
    return tracer
  }

  /** Looks `looks` times; what is told, and what was sent to the part. */
  async function looked(
    task: Task,
    looks: number,
    before: () => Promise<void>,
    { isAgentSilent = false, self = task, isService = false } = {},
  ) {
    const told: NewFinding[] = []
    const sent: NodeJS.Signals[] = []
    const state = { name: 'agent', task, startedMs: 0, restarts: 0, lastExit: undefined }
    const part: RunningPart = {
      isService,
      state: () => state,
      stop: async () => undefined,
      kill: () => undefined,
      restart: (signal) => void sent.push(signal),
      isKilled: () => sent.includes('SIGKILL'),
      withheld: () => undefined,
    }
    const over = new AbortController()
    let left = looks
    const clock: Clock = {
      ...systemClock,
      sleep: async () => {
        if (left === 0) over.abort()
        else await before()
        left -= 1
      },
    }
    const line = { tell: (finding: NewFinding) => void told.push(finding), look: () => isAgentSilent }
    await createWatchdog({ parts: [part], self, line, traced: 'kill', clock, log }).run(over.signal)
    return { told, sent }
  }

  test('AGT-8 a part that somebody stops again and again is continued each time, and then begins anew', async () => {
    const { task } = sleeper()
    const { told, sent } = await looked(task, 12, async () => {
      await stopped(task)
    })
    assert.deepEqual(
      told.map(({ found, remedy }) => `${found} ${remedy}`),
      [...Array.from({ length: 10 }, () => 'stopped continued'), 'stopped killed'],
    )
    assert.deepEqual(sent, ['SIGKILL'])
  })

  test('AGT-8 an agent that does not answer begins anew, and is told of once', async () => {
    const { task } = sleeper()
    const { told, sent } = await looked(task, 3, async () => undefined, { isAgentSilent: true })
    assert.deepEqual(
      told.map(({ found, remedy, pid }) => [found, remedy, pid]),
      [['silent', 'killed', task.pid]],
    )
    assert.deepEqual(sent, ['SIGKILL'])
  })

  test('AGT-8 a supervisor that somebody traces tells of it, once', { skip: skip || isNotRoot }, async () => {
    const [{ task }, { task: self }] = [sleeper(), sleeper()]
    const tracer = await tracerOn(self.pid)
    const { told, sent } = await looked(task, 3, async () => undefined, { self })
    assert.deepEqual(
      told.map(({ part, pid, found, remedy, tracer: by }) => [part, pid, found, remedy, by?.pid]),
      [['supervisor', self.pid, 'traced', 'left', tracer.pid]],
    )
    assert.deepEqual(sent, [])
  })

  test('AGT-8 RIM-3 who traces a service is ended, and it serves on; another part begins anew', {
    skip: skip || isNotRoot,
  }, async () => {
    for (const isService of [true, false]) {
      const [{ task }, { task: self }] = [sleeper(), sleeper()]
      const tracer = await tracerOn(task.pid)
      const ended = once(tracer, 'exit')
      const { told, sent } = await looked(task, 1, async () => undefined, { self, isService })
      assert.deepEqual(
        told.map(({ found, remedy, tracer: by }) => [found, remedy, by?.pid]),
        [['traced', isService ? 'freed' : 'killed', tracer.pid]],
      )
      assert.deepEqual(sent, isService ? [] : ['SIGKILL'])
      if (isService) await ended
    }
  })

  test('a process that runs is not held, and neither is one that is gone', async () => {
    const { task, child } = sleeper()
    assert.equal(heldOf(task, true), undefined)
    child.kill('SIGKILL')
    await once(child, 'exit')
    assert.equal(heldOf(task, true), undefined)
  })

  test('who traces is told as far as it can be read', () => {
    const self = tracerOf(process.pid)
    assert.deepEqual([self.pid, self.path, self.uid], [process.pid, process.execPath, process.getuid?.()])
    assert.deepEqual(tracerOf(2 ** 22 + 1), { pid: 2 ** 22 + 1, name: '', path: null, uid: null })
  })
})
