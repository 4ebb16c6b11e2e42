// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

/** Runs `code` in a process that has called crashQuietly, in an empty folder, with core dumps allowed. */
function crash(code: string) {
  const folder = mkdtempSync(join(tmpdir(), 'sealwatch-crash-'))
  try {
    const script = `
      import { readFileSync } from 'node:fs'
      import { crashQuietly } from ${JSON.stringify(join(import.meta.dirname, 'crash.ts'))}
      import { createLog } from ${JSON.stringify(join(import.meta.dirname, 'log.ts'))}
      crashQuietly(createLog('test', (line) => process.stdout.write(line), () => 0))
      ${code}`
    const argv = ['--disable-warning=ExperimentalWarning', '--input-type=module-typescript', '-e', script]
    const command = ['-c', 'ulimit -c unlimited; exec "$@"', 'sh', process.execPath, ...argv]
    const { status, signal, stdout, stderr } = spawnSync('/bin/sh', command, { cwd: folder, encoding: 'utf8' })
    return { status, signal, stdout, stderr, left: readdirSync(folder) }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

test('LOG-5: an error that nobody catches ends in one scrubbed log line and exit code 1', () => {
  for (const how of ['setImmediate(() => { throw error })', 'Promise.reject(error)']) {
    const { status, stdout, stderr } = crash(
      `const error = new Error('spawn mysql --password=hunter2-planted'); Object.assign(error, { received: 'hunter2-planted' }); ${how}`,
    )
    assert.equal(status, 1, stderr)
    assert.equal(stderr, '')
    assert(!stdout.includes('hunter2-planted'), stdout)
    assert.equal(JSON.parse(stdout).level, 'critical')
  }
})

test('LOG-5: an abort leaves no core dump', { skip: process.platform !== 'linux' }, () => {
  const { signal, left, stdout } = crash(
    `process.stdout.write(/Max core file size +0 +0 /.exec(readFileSync('/proc/self/limits', 'utf8'))?.[0] ?? ''); process.abort()`,
  )
  assert.equal(signal, 'SIGABRT')
  assert.notEqual(stdout, '')
  assert.deepEqual(left, [])
})

test('RIM-6: SIGUSR1 opens no debugger, and is told', () => {
  const { status, stdout, stderr } = crash(
    `import { url } from 'node:inspector'
     const alive = setInterval(() => 0, 1000)
     process.once('SIGUSR1', () => {
       process.stdout.write(String(url()))
       clearInterval(alive)
     })
     process.kill(process.pid, 'SIGUSR1')`,
  )
  assert.equal(status, 0, stderr)
  assert.equal(stderr, '')
  const [said = '', url] = stdout.split('\n')
  assert.equal(JSON.parse(said).level, 'critical')
  assert.equal(url, 'undefined')
})
