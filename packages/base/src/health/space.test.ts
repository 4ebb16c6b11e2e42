// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempDisposable, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { test } from 'node:test'
import { systemClock } from '../clock.ts'
import { createLog } from '../log.ts'
import { createHealth } from './health.ts'
import { type LimitedLog, levelAt, watchSpace } from './space.ts'

function sample(path: string, logs: () => readonly LimitedLog[] = () => []) {
  const told: string[] = []
  const log = createLog(
    'test',
    (line) => {
      const { level, msg } = JSON.parse(line) as Record<string, string>
      told.push(`${level}: ${msg}`)
    },
    () => 0,
  )
  const health = createHealth({ component: 'test', version: '1', clock: systemClock, log })
  const state = { isStalled: false }
  const space = watchSpace({ health, path, logs, isStalled: () => state.isStalled, clock: systemClock, log })
  const shown = () => health.liveness() as { status: string; audit_log: { logs: object[]; disk: object } }
  return { health, space, told, shown, state }
}

test('LOG-3: warning at 80 %, critical at 95 %, and back only when it has eased', () => {
  for (const [share, before, level] of [
    [0.799, 'ok', 'ok'],
    [0.8, 'ok', 'warning'],
    [0.79, 'warning', 'warning'],
    [0.779, 'warning', 'ok'],
    [0.949, 'warning', 'warning'],
    [0.95, 'ok', 'critical'],
    [0.94, 'critical', 'critical'],
    [0.929, 'critical', 'warning'],
    [0.78, 'critical', 'warning'],
    [0.5, 'critical', 'ok'],
    [1.2, 'ok', 'critical'],
  ] as const)
    assert.equal(levelAt(share, before), level, `${share} after ${before}`)
})

test('LOG-3: a log that fills up is told once for each level, in the log, on /healthz and as metrics', async () => {
  let bytes = 0
  const { health, space, told, shown } = sample(tmpdir(), () => [
    { name: 'default', path: '/logs/default', bytes, limitBytes: 1000 },
  ])
  const at = async (size: number) => {
    bytes = size
    await space.look()
    await space.look()
    return shown().audit_log.logs[0] as { level: string; path: string; utilisation: number }
  }
  assert.equal((await at(100)).level, 'ok')
  assert.deepEqual(await at(850), {
    name: 'default',
    level: 'warning',
    path: '/logs/default',
    size_bytes: 850,
    limit_bytes: 1000,
    utilisation: 0.85,
  })
  assert.equal((await at(960)).level, 'critical')
  assert.equal(shown().status, 'critical')
  assert.ok(health.metrics.text().includes('sealwatch_audit_log_utilisation{log="default"} 0.96'))
  assert.equal((await at(200)).level, 'ok')
  assert.deepEqual(
    told.filter((text) => text.includes('the log default')),
    [
      'warn: the log default is filling up',
      'critical: the log default is nearly full',
      'info: the log default has room again',
    ],
  )
})

test('LOG-6: what cannot be written is critical, however much room there is', () => {
  const { shown, state } = sample(tmpdir())
  assert.equal(shown().status, 'ok')
  state.isStalled = true
  assert.equal(shown().status, 'critical')
})

test('LOG-3: a disk that fills up and is emptied again', {
  skip: process.getuid?.() !== 0 && 'needs root, to mount a small disk',
}, async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-space-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2M', 'tmpfs', dir.path])
  try {
    const { space, told, shown } = sample(dir.path)
    const fill = async (bytes: number) => {
      await writeFile(join(dir.path, 'fill'), Buffer.alloc(bytes))
      await space.look()
      return (shown().audit_log.disk as { level: string }).level
    }
    assert.equal(await fill(1000), 'ok')
    assert.equal(await fill(1_720_000), 'warning')
    assert.equal(await fill(2_040_000), 'critical')
    await rm(join(dir.path, 'fill'))
    await space.look()
    assert.deepEqual(told, [
      'warn: the disk of the data directory is filling up',
      'critical: the disk of the data directory is nearly full',
      'info: the disk of the data directory has room again',
    ])
  } finally {
    execFileSync('umount', [dir.path])
  }
})
