// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { type TestContext, test } from 'node:test'
import { type Clock, systemClock } from '@sealwatch/base'
import { sampleTask } from '../../observe/sample-observations.ts'
import { parseStat } from '../../observe/terminal.ts'
import { createProcessFacts, processFactsLimits } from './process-facts.ts'

const id = '4f797c539e6c745de61a93ca3ff892358ecbcaccd8414d5db545c38428142970'
const stillClock: Clock = { ...systemClock, monotonicNs: () => 0n }
const start = { startNs: 89_000_000_123n, startTicks: 8_900 }

/** A machine of files: processes below proc, groups below cgroups, what runtimes keep below docker. */
function machine(t: TestContext) {
  const root = mkdtempSync(join(tmpdir(), 'sealwatch-facts-'))
  t.after(() => rmSync(root, { recursive: true }))
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  const roots = {
    proc: join(root, 'proc'),
    cgroups: join(root, 'cgroups'),
    state: { docker: join(root, 'docker'), storage: join(root, 'storage') },
  }
  return {
    write,
    facts: createProcessFacts(stillClock, roots),
    group: (path: string) => {
      mkdirSync(join(roots.cgroups, path), { recursive: true })
      return statSync(join(roots.cgroups, path), { bigint: true }).ino
    },
    run: (pid: number, cgroup: string, startTicks = start.startTicks, terminal = 34_819) => {
      write(`proc/${pid}/cgroup`, cgroup)
      write(`proc/${pid}/stat`, `${pid} (x) S 1 1 1 ${terminal} 1 0 0 0 0 0 0 0 0 0 20 0 1 0 ${startTicks} 0`)
    },
    end: (pid: number) => rmSync(join(root, `proc/${pid}`), { recursive: true }),
  }
}
const task = (pid: number, change = {}) => sampleTask({ pid, startNs: start.startNs, ...change })

test('AGT-1: a group is read once, by the first process seen in it, and serves those that ended too soon', async (t) => {
  const { facts, group, run, write } = machine(t)
  const path = `/system.slice/docker-${id}.scope`
  const cgroupId = group(path)
  write(`docker/${id}/config.v2.json`, '{"Name":"/web","Image":"sha256:ab","Config":{"Image":"nginx:1.25"}}')
  run(7, `0::${path}\n`)
  await facts.look(task(7, { cgroupId }), true)
  const names = { name: 'web', image: { uid: 'sha256:ab', name: 'nginx:1.25' } }
  const groups = { container: { uid: id, runtime: 'docker' }, onlyPath: path, names }
  assert.deepEqual(facts.of(task(8, { cgroupId })), { groups })
  assert.equal(facts.of(task(7, { cgroupId }))?.terminal, 'pts/3')
})

test('a process that was moved before it was looked at is not told by its new group', async (t) => {
  const { facts, group, run } = machine(t)
  const before = group('/system.slice/a.service')
  group('/system.slice/b.service')
  run(7, '0::/system.slice/b.service\n')
  await facts.look(task(7, { cgroupId: before }), true)
  assert.equal(facts.of(task(7, { cgroupId: before }))?.groups, undefined)
})

test('with other hierarchies each process is asked by itself, and again in other groups or namespaces', async (t) => {
  const { facts, run } = machine(t)
  run(7, `4:pids:/docker/${id}\n0::/\n`)
  await facts.look(task(7), false)
  assert.equal(facts.of(task(7))?.groups?.container?.uid, id)
  assert.equal(facts.of(task(8)), undefined)
  assert.equal(facts.look(task(7), false), undefined)
  run(7, '4:pids:/\n0::/\n')
  await facts.look(task(7, { mntNs: 5 }), false)
  assert.equal(facts.of(task(7, { mntNs: 5 }))?.groups?.container, undefined)
})

test('a pid that belongs to another process by now tells nothing, nor does one that is gone', async (t) => {
  const { facts, run, end } = machine(t)
  run(7, `4:pids:/docker/${id}\n0::/\n`, start.startTicks + 1)
  await facts.look(task(7), true)
  const { groups, terminal } = facts.of(task(7)) ?? {}
  assert.deepEqual({ groups, terminal }, { groups: undefined, terminal: undefined })
  end(7)
  await facts.look(task(7), true)
  assert.equal(facts.of(task(7))?.groups, undefined)
})

test('more look-ups than the limit of a second are not begun', async (t) => {
  const { facts } = machine(t)
  const begun = Array.from({ length: processFactsLimits.perSecondMax + 5 }, (_, i) => facts.look(task(i + 1), true))
  await Promise.all(begun)
  assert.equal(begun.filter((one) => one === undefined).length, 5)
})

const controllers = ['/sys/fs/cgroup/pids', '/sys/fs/cgroup/unified', '/sys/fs/cgroup'].find((folder) =>
  existsSync(join(folder, 'cgroup.procs')),
)
const skip = process.getuid?.() !== 0 || !controllers ? 'needs root and a mounted cgroup file system' : false

test('AGT-1: a real process in a real group of a container is told by it', { skip }, async (t) => {
  const folder = join(controllers as string, `docker-${id}.scope`)
  mkdirSync(folder)
  const child = spawn('/bin/cat', { stdio: ['pipe', 'ignore', 'ignore'] })
  t.after(async () => {
    child.kill('SIGKILL')
    await once(child, 'close')
    rmdirSync(folder)
  })
  await once(child, 'spawn')
  const pid = child.pid as number
  writeFileSync(join(folder, 'cgroup.procs'), String(pid))
  const { startTicks } = parseStat(readFileSync(`/proc/${pid}/stat`, 'latin1')) ?? assert.fail('no stat')
  const actor = sampleTask({
    pid,
    startNs: startTicks * 10_000_000n + 7n,
    cgroupId: statSync(folder, { bigint: true }).ino,
  })
  const facts = createProcessFacts(systemClock)
  await facts.look(actor, true)
  assert.deepEqual(facts.of(actor)?.groups?.container, { uid: id, runtime: 'docker' })
})
