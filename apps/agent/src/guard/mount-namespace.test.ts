// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, readlinkSync, writeFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { machineMountNamespace, unknownNamespace } from './mount-namespace.ts'

const own = Number(/\d+/.exec(readlinkSync('/proc/self/ns/mnt'))?.[0])

test('RIM-6 a guard with a mount namespace of its own takes that of the machine from root, and where it cannot lets nobody by a path', {
  skip: process.getuid?.() !== 0 && 'needs root, who may make a mount namespace',
}, async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-mnt-'))
  chmodSync(dir.path, 0o755)
  const file = join(dir.path, 'mount-namespace')
  /** As its unit starts it. */
  const inItsOwn = (command: readonly string[]) =>
    spawnSync('unshare', ['--mount', ...command], { encoding: 'utf8' }).stdout.trim()
  const code = `import { machineMountNamespace } from ${JSON.stringify(join(import.meta.dirname, 'mount-namespace.ts'))}
    import { readlinkSync } from 'node:fs'
    console.log(machineMountNamespace(process.argv[1]), /\\d+/.exec(readlinkSync('/proc/self/ns/mnt'))[0])`
  const guard = (path: string) =>
    inItsOwn([
      ...['setpriv', '--reuid=64707', '--regid=64702', '--clear-groups', process.execPath],
      ...['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', code, path],
    ])
  writeFileSync(file, `${own}\n`)
  const [said, its] = guard(file).split(' ').map(Number)
  assert.equal(said, own)
  assert.notEqual(its, own)
  for (const text of ['', '-1', '7 8', 'x'.repeat(99)]) {
    writeFileSync(file, text)
    assert.equal(machineMountNamespace(file), unknownNamespace, text)
  }
  assert.equal(machineMountNamespace(join(dir.path, 'none')), unknownNamespace)
  assert.match(String(machineMountNamespace('')), /^\d{10}$/)
})
