// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { getPriority, setPriority } from 'node:os'
import { basename, join } from 'node:path'
import process from 'node:process'
import { afterEach, describe, test } from 'node:test'
import { type Clock, createLog, systemClock } from '@sealwatch/base'
import type { NewFinding } from './agent-line.ts'
import { heldOf, tracerOf } from './look.ts'
import type { RunningPart } from './part.ts'
import { rankOf } from './rank.ts'
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

  /** Undefined: there is no cgroup v2 here, or no right to it. */
  function frozen({ pid }: Task): (Disposable & { readonly name: string }) | undefined {
    const name = `sealwatch-frozen-${pid}`
    const root = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified'].find(
      (at) => existsSync(join(at, 'cgroup.procs')) && existsSync(join(at, 'cgroup.controllers')),
    )
    if (root === undefined || isNotRoot !== false) return undefined
    const group = join(root, name)
    mkdirSync(group)
    writeFileSync(join(group, 'cgroup.procs'), String(pid))
    writeFileSync(join(group, 'cgroup.freeze'), '1')
    return {
      name,
      [Symbol.dispose]: () => {
        writeFileSync(join(group, 'cgroup.freeze'), '0')
        writeFileSync(join(root, 'cgroup.procs'), String(pid))
        rmdirSync(group)
      },
    }
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
    { isAgentSilent = false, self = task, isService = false, onWithheld = (): void => undefined } = {},
  ) {
    const told: NewFinding[] = []
    const sent: NodeJS.Signals[] = []
    const rank = rankOf(task.pid)
    const state = { name: 'agent', task, startedMs: 0, restarts: 0, lastExit: undefined }
    const part: RunningPart = {
      isService,
      state: () => state,
      stop: async () => undefined,
      kill: () => undefined,
      rank: () => rank,
      restart: (signal) => void sent.push(signal),
      isKilled: () => sent.includes('SIGKILL'),
      withheld: onWithheld,
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
    await createWatchdog({ parts: [part], self, rank: rankOf(self.pid), line, traced: 'kill', clock, log }).run(
      over.signal,
    )
    return { told, sent }
  }

  test('AGT-8 a part that its control group has frozen looks asleep: it begins anew elsewhere, and that is told', async (t) => {
    const { task } = sleeper()
    using group = frozen(task)
    if (group === undefined) return t.skip('needs root, and cgroup v2')
    while (heldOf(task, true) === undefined) await systemClock.sleep(1)
    assert.equal(heldOf(task, false), undefined)
    const { told, sent } = await looked(task, 20, async () => undefined)
    assert.deepEqual(
      told.map(({ found, remedy, detail }) => [found, remedy, detail]),
      [['stopped', 'killed', `frozen by its control group /${group.name}`]],
    )
    assert.deepEqual(sent, ['SIGKILL'])
  })

  test('AGT-8 a part that is dead and that nobody traces takes its time to end: nobody is said to keep that from us', async () => {
    const zombie =
      '$| = 1; my $pid = fork; exit if $pid == 0; sleep 0.01 while `ps -o stat= -p $pid` !~ /Z/; print $pid; sleep 600'
    const parent = spawn('perl', ['-e', zombie], { stdio: ['ignore', 'pipe', 'inherit'] })
    children.push(parent)
    const [pid] = (await once(parent.stdout, 'data')) as [Buffer]
    const dead = { pid: Number(pid), startTicks: 0 }
    let withheld = 0
    const onWithheld = () => {
      withheld += 1
    }
    await looked(dead, 10, async () => undefined, { onWithheld })
    assert.equal(withheld, 0)
    await looked(dead, 11, async () => undefined, { onWithheld })
    assert.equal(withheld, 1, 'nobody waits for ever')
  })

  test('AGT-8 a part that a freezer of cgroup v1 holds is found, and taken out of it, so that it can be ended', async (t) => {
    const root = '/sys/fs/cgroup/freezer'
    if (isNotRoot !== false || !existsSync(join(root, 'cgroup.procs'))) return t.skip('needs root, and cgroup v1')
    const { task, child } = sleeper()
    const group = join(root, `sealwatch-frozen-${task.pid}`)
    mkdirSync(group)
    writeFileSync(join(group, 'cgroup.procs'), String(task.pid))
    writeFileSync(join(group, 'freezer.state'), 'FROZEN')
    assert.equal(heldOf(task, true)?.by, 'freezer')
    const { told, sent } = await looked(task, 20, async () => undefined)
    assert.deepEqual(
      told.map(({ found, remedy, detail }) => [found, remedy, detail]),
      [['stopped', 'killed', `frozen by its control group /${basename(group)}`]],
    )
    assert.deepEqual(sent, ['SIGKILL'])
    assert.equal(readFileSync(join(group, 'cgroup.procs'), 'utf8'), '')
    child.kill('SIGKILL')
    await once(child, 'exit')
    rmdirSync(group)
  })

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

  test('AGT-8 a part that others are put before, again and again, is put back each time, and that is told once', async () => {
    const [{ task }, { task: self }] = [sleeper(), sleeper()]
    const before = rankOf(task.pid)
    const { told, sent } = await looked(task, 12, async () => setPriority(task.pid, 19), { self })
    assert.deepEqual(
      told.map(({ part, found, remedy, detail, pid }) => [part, found, remedy, detail, pid]),
      [['agent', 'demoted', 'restored', `nice 19 (was ${before?.nice})`, task.pid]],
    )
    assert.deepEqual([sent, rankOf(task.pid)], [[], before])
  })

  test('AGT-8 threads that began before a part was given its turn are given it, and nobody is blamed; for what is done to them later he is', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(console.log, 10)'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    children.push(child)
    await once(child.stdout, 'data')
    const [{ task: self }, task] = [sleeper(), taskOf(child.pid as number) as Task]
    const thread = Number(readdirSync(`/proc/${task.pid}/task`).find((id) => Number(id) !== task.pid))
    const niceAt: number[] = []
    const step = async () => {
      niceAt.push(getPriority(thread))
      if (niceAt.length === 1 || niceAt.length === 12) setPriority(thread, 19)
    }
    const { told } = await looked(task, 21, step, { self })
    assert.deepEqual([niceAt[9], niceAt[10], niceAt[19], niceAt[20]], [19, 0, 19, 0])
    assert.deepEqual(
      told.map(({ found, detail }) => [found, detail]),
      [['demoted', 'nice 19 (was 0)']],
    )
  })

  test('AGT-8 a part died for want of memory where the kernel ended somebody since the look before, and not where that was earlier', async () => {
    const { task } = sleeper()
    let kills = 6
    const told: boolean[] = []
    const ended = (lastExit: string) =>
      watchdog.ended({ name: 'agent', pid: task.pid, lastExit, tookMs: 0, bySupervisor: false })
    const steps = [
      () => {
        kills = 7
      },
      () => undefined,
      () => ended('SIGKILL'),
      () => {
        kills = 8
        ended('SIGKILL')
        ended('SIGKILL')
        ended('SIGXCPU')
      },
      // It died before the look, and its end is heard of after it.
      () => ended('SIGKILL'),
      () => ended('SIGKILL'),
    ]
    const over = new AbortController()
    const clock: Clock = {
      ...systemClock,
      sleep: async () => {
        const step = steps.shift()
        if (step === undefined) over.abort()
        else step()
      },
    }
    const line = { tell: ({ outOfMemory }: NewFinding) => void told.push(outOfMemory), look: () => false }
    const watchdog = createWatchdog({
      parts: [],
      self: task,
      rank: undefined,
      countOomKills: () => kills,
      line,
      traced: 'kill',
      clock,
      log,
    })
    await watchdog.run(over.signal)
    assert.deepEqual(told, [false, true, true, false, true, false])
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
