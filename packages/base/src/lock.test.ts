// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { after, describe, test } from 'node:test'
import { takeLock } from './lock.ts'

describe('lock', () => {
  const dir = mkdtempSync(join(tmpdir(), 'sealwatch-lock-'))
  after(() => rmSync(dir, { recursive: true }))

  test('one at a time; free again once released', async () => {
    const path = join(dir, 'a')
    const first = await takeLock(path)
    assert.ok(first)
    assert.equal(await takeLock(path), undefined)
    const waiting = takeLock(path, 10_000)
    await first.release()
    const second = await waiting
    assert.ok(second)
    await second.release()
  })

  test('is free again when its holder is killed', async () => {
    const path = join(dir, 'b')
    const script = `const { takeLock } = await import(${JSON.stringify(join(import.meta.dirname, 'lock.ts'))}); await takeLock(${JSON.stringify(path)}); console.log('held'); setInterval(() => 0, 1000)`
    const holder = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await once(holder.stdout, 'data')
    assert.equal(await takeLock(path), undefined)
    holder.kill('SIGKILL')
    await once(holder, 'close')
    const lock = await takeLock(path)
    assert.ok(lock)
    await lock.release()
  })
})

test('a lock can be asked for on a disk that fell back to reading: what holds it can still be stopped', {
  skip: process.getuid?.() === 0 ? false : 'needs root, to mount',
}, async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-lock-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', dir.path])
  try {
    const path = join(dir.path, 'lock')
    await (await takeLock(path))?.release()
    execFileSync('mount', ['-o', 'remount,ro', dir.path])
    const held = await takeLock(path)
    assert.ok(held)
    assert.equal(await takeLock(path), undefined)
    await held.release()
  } finally {
    execFileSync('umount', [dir.path])
  }
})
