// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { test } from 'node:test'

const skip = process.getuid?.() === 0 ? false : 'needs root'
const CAP_KILL = 1 << 5
const program = join(import.meta.dirname, 'test/giving-up-root.ts')
const start = (args: readonly string[], by: readonly string[] = []) => {
  const [command = '', ...argv] = [...by, process.execPath, '--disable-warning=ExperimentalWarning', program, ...args]
  return spawnSync(command, argv, { encoding: 'utf8', env: { PATH: process.env.PATH } })
}

test('AGT-4: of root one thread keeps one capability, which is enough for what it is for, and is missed at the start', {
  skip,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sealwatch-privileges-'))
  const secret = join(folder, 'secret')
  const victim = spawn('sleep', ['1000'], { uid: 64_701, stdio: 'ignore' })
  try {
    chmodSync(folder, 0o711)
    writeFileSync(secret, 'x', { mode: 0o600 })
    chownSync(secret, 64_702, 64_702)
    const without = start([String(victim.pid), secret], ['setpriv', '--bounding-set', '-kill'])
    assert.match(without.stderr, /CAPABILITY_MISSING[\s\S]*none of CAP_KILL/)
    const { stdout, stderr } = start([String(victim.pid), secret])
    assert.equal(stderr, '')
    const { threads, ...did } = JSON.parse(stdout) as Record<string, unknown> & {
      threads: { isFirst: boolean; uids: string; sets: number[] }[]
    }
    assert.deepEqual(did, { readAsOwner: '64702 x', readAsOther: 'EACCES', killed: 'ok', read: 'EACCES' })
    const [, signal] = (await once(victim, 'exit')) as [unknown, string]
    assert.equal(signal, 'SIGKILL')
    assert.ok(threads.length > 1)
    for (const { isFirst, uids, sets } of threads) {
      assert.equal(uids, '64708\t64708\t64708\t64708')
      assert.deepEqual(sets, isFirst ? [0, CAP_KILL, CAP_KILL, 0] : [0, 0, 0, 0])
    }
  } finally {
    victim.kill('SIGKILL')
    rmSync(folder, { recursive: true })
  }
})
