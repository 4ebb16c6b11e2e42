// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { test } from 'node:test'
import { type MemoryKind, openLockedMemory } from './locked-memory.ts'

const quiet = '--disable-warning=ExperimentalWarning'
const program = join(import.meta.dirname, '../../test/memory-child.ts')

/** What a process with a key says of itself, and whether it finds the key by way of /proc. */
function probe(wanted: MemoryKind) {
  const { stdout, stderr } = spawnSync(process.execPath, [quiet, program, wanted], { encoding: 'utf8' })
  return JSON.parse(stdout || `"${stderr}"`) as { kind: MemoryKind; readable: boolean; flags: string[] }
}

test('RIM-6 keys lie in pages that are locked and not dumped, by whichever way there is', () => {
  const secret = probe('secret')
  // Kernels before 5.14, and those without secretmem, give the second best.
  if (secret.kind === 'secret') {
    assert.equal(secret.readable, false, 'not even through /proc/self/mem')
    for (const flag of ['dc', 'dd']) assert.ok(secret.flags.includes(flag), flag)
  }
  const locked = probe('locked')
  assert.equal(locked.kind, 'locked')
  for (const flag of ['lo', 'dd', 'wf']) assert.ok(locked.flags.includes(flag), flag)
  assert.equal(locked.readable, true, 'the probe can fail')
})

test('RIM-6 without room for locked memory the keys lie on the heap, and it says so', (t) => {
  // Root locks what it likes; nobody does not, where nobody may read the checkout.
  const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
  const script = 'ulimit -l 0 && exec "$0" "$@"'
  const { stdout, stderr } = spawnSync('bash', ['-c', script, process.execPath, quiet, program, 'secret'], {
    encoding: 'utf8',
    ...nobody,
  })
  if (stdout === '') return t.skip(stderr.slice(0, 200))
  assert.equal((JSON.parse(stdout) as { kind: MemoryKind }).kind, 'heap')
})

test('slots are taken, wiped and taken again; more keys than there is room for are a fault', () => {
  for (const wanted of ['secret', 'locked', 'heap'] as const) {
    const memory = openLockedMemory(2, wanted)
    const source = new Uint8Array(32).fill(9)
    const first = memory.keep(source)
    assert.deepEqual(source, new Uint8Array(32))
    assert.deepEqual(first.bytes, new Uint8Array(32).fill(9))
    const { bytes } = first
    const second = memory.keep(new Uint8Array(32).fill(8))
    assert.throws(() => memory.keep(new Uint8Array(32)), RangeError)
    first.wipe()
    first.wipe()
    assert.deepEqual(bytes, new Uint8Array(32))
    assert.throws(() => first.bytes, RangeError)
    const third = memory.keep(new Uint8Array(32).fill(7))
    assert.deepEqual([second.bytes[0], third.bytes[0]], [8, 7])
    assert.throws(() => memory.keep(new Uint8Array(32)), RangeError, 'wiped twice, free once')
  }
})

test('RIM-6 a key in use stands in its slot and nowhere else, and after eviction nowhere', async () => {
  const scan = join(import.meta.dirname, '../../test/scan-child.ts')
  for (const kind of ['secret', 'locked'] as const) {
    await using dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-scan-'))
    const { stdout, stderr } = spawnSync(process.execPath, [quiet, scan, dir.path, kind], { encoding: 'utf8' })
    const found = JSON.parse(stdout || `"${stderr}"`)
    // The scan cannot read secret pages; the locked ones it can, and finds each key once.
    const slots = kind === 'secret' && probe('secret').kind === 'secret' ? 0 : 1
    assert.deepEqual(found, { inUse: [slots, slots, slots, slots], evicted: [0, 0, 0, 0] }, kind)
  }
})
