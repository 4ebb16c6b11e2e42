// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { test } from 'node:test'
import { auditOf } from './audit.ts'

const skip = process.getuid?.() === 0 ? false : 'needs root'

test('RIM-3 what is wrong with a process before anybody reaches for it is found, and of a sound one nothing', {
  skip,
}, async () => {
  const dir = mkdtempSync(join(tmpdir(), 'guard-audit-'))
  const exe = join(dir, 'keyservice')
  writeFileSync(exe, '')
  chmodSync(dir, 0o755)
  // Who may run a program and not read it is not dumpable (ptrace(2)).
  const unreadable = join(dir, 'sh')
  copyFileSync('/bin/sh', unreadable)
  chmodSync(unreadable, 0o711)
  async function findingsOf(script: string, mode: number, uid = 0, shell = 'sh'): Promise<string[]> {
    const child = spawn(shell, ['-c', `${script}; echo; read never`], { stdio: ['pipe', 'pipe', 'inherit'], uid })
    await once(child.stdout, 'data')
    chmodSync(exe, mode)
    const found = auditOf({ pid: child.pid as number, startNs: 1n, name: 'keys', comm: 'sh', exe, steps: [] })
    child.kill('SIGKILL')
    await once(child, 'exit')
    return found.map(({ finding, severity }) => `${finding} ${severity}`)
  }
  try {
    assert.deepEqual(await findingsOf('ulimit -c 0', 0o755), [])
    assert.deepEqual(await findingsOf('ulimit -c 100', 0o757), ['image_writable high', 'core_limit medium'])
    assert.deepEqual(await findingsOf('ulimit -c 0', 0o755, 65_534), ['dumpable medium'])
    assert.deepEqual(await findingsOf('ulimit -c 0', 0o755, 65_534, unreadable), [])
    assert.deepEqual(auditOf({ pid: 2 ** 22 + 1, startNs: 1n, name: 'gone', comm: '', exe: null, steps: [] }), [])
  } finally {
    rmSync(dir, { recursive: true })
  }
})
