// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { after, test } from 'node:test'
import { systemClock } from '@sealwatch/base'
import { readContainerLabels } from '../sources/facts/container-state.ts'
import { readBootNs } from '../sources/proc-snapshot.ts'
import { createProcesses } from './processes.ts'

const dir = mkdtempSync(join(tmpdir(), 'guard-processes-'))
after(() => rmSync(dir, { recursive: true }))
const bootOffsetNs = systemClock.nowNs() - readBootNs()

test('RIM-3 what everybody may read of a process is enough to find it, and one that ended is gone', async () => {
  const script = "process.on('SIGQUIT', () => {}); process.stdout.write('.'); setInterval(() => {}, 1000)"
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  const pid = child.pid as number
  const processes = createProcesses(new Map())
  const look = processes.one(pid)
  assert(look !== undefined)
  assert.equal(look.uid, process.getuid?.())
  const all = await processes.look(readBootNs(), [])
  assert.deepEqual(
    all.find((one) => one.pid === pid),
    look,
  )
  // Where this is no container, the first thread of the kernel is pid 2.
  for (const later of [11_000_000_000n, 22_000_000_000n, 23_000_000_000n]) {
    const again = await processes.look(readBootNs() + later, [])
    for (const known of [look, ...all.filter(({ comm }) => comm === 'kthreadd')])
      assert.deepEqual(
        again.find((one) => one.pid === known.pid),
        known,
      )
  }
  const [grouped] = (await processes.look(readBootNs(), [{ name: 'a', unit: 'a.service' }])).filter(
    (one) => one.pid === pid,
  )
  assert.equal(grouped?.pid, pid)
  assert.equal(processes.inGroup('/no-such-group', [{ process: look }]), undefined)
  const { SIGQUIT, SIGXCPU } = constants.signals
  assert.deepEqual([processes.handles(look, SIGQUIT), processes.handles(look, SIGXCPU)], [true, false])

  const path = join(dir, 'daemon.pid')
  const entries = [{ name: 'daemon', pid_file: path }]
  writeFileSync(path, `${pid}\n`)
  assert.deepEqual([...processes.pidFiles(entries, bootOffsetNs)], [[path, pid]])
  utimesSync(path, 1, 1)
  assert.deepEqual([...processes.pidFiles(entries, bootOffsetNs)], [], 'left behind by another one that had that pid')
  for (const content of ['nobody', '-1', '9'.repeat(100), '']) {
    writeFileSync(path, content)
    assert.equal(processes.pidFiles(entries, bootOffsetNs).size, 0, content)
  }

  child.kill('SIGKILL')
  await once(child, 'exit')
  assert.deepEqual([processes.one(pid), processes.handles(look, SIGQUIT)], [undefined, undefined])
  assert.equal(
    (await processes.look(readBootNs(), [])).some((one) => one.pid === pid),
    false,
  )
})

test("RIM-3 a container's labels are those that its runtime wrote down", async () => {
  const uid = 'a'.repeat(64)
  const folders = { docker: dir, storage: dir }
  const labelsOf = (state: string) => {
    mkdirSync(join(dir, uid), { recursive: true })
    writeFileSync(join(dir, uid, 'config.v2.json'), state)
    return readContainerLabels({ uid, runtime: 'docker' }, folders)
  }
  assert.deepEqual(await labelsOf('{"Config":{"Labels":{"role":"kms","empty":""}}}'), ['role=kms', 'empty='])
  for (const state of ['{}', '{"Config":{"Labels":null}}', 'no']) assert.deepEqual(await labelsOf(state), [], state)
  assert.deepEqual(await readContainerLabels({ uid, runtime: 'podman' }, folders), [])
})
