// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import process from 'node:process'
import { test } from 'node:test'
import { untouchedMappings } from './give-back.ts'

const mapping = (head: string, { anonymous = 0, dirty = 0 } = {}) =>
  `${head}\nSize: 64 kB\nRss: 64 kB\nPrivate_Dirty: ${dirty} kB\nAnonymous:      ${anonymous} kB\nVmFlags: rd mr\n`

test('AGT-9: only what is on the disk as it is in memory, and cannot be written, is dropped', () => {
  const smaps = [
    mapping('00400000-00410000 r--p 00000000 fe:00 22                     /opt/a node'),
    mapping('00410000-00430000 r-xp 00010000 fe:00 22                     /opt/a node'),
    mapping('00430000-00440000 r--p 00030000 fe:00 22                     /opt/a node', { anonymous: 4 }),
    mapping('00440000-00450000 r--p 00030000 fe:00 22                     /opt/a node', { dirty: 4 }),
    mapping('00450000-00460000 rw-p 00030000 fe:00 22                     /opt/a node'),
    mapping('00460000-00470000 r-xp 00030000 fe:00 23                     /opt/a node.so'),
    mapping('00490000-004a0000 r-xp 00000000 fe:00 24                     /opt/a node (deleted)'),
    mapping('004a0000-004b0000 r--s 00000000 00:01 25                     /memfd:secret (deleted)'),
    mapping('00470000-00480000 rw-p 00000000 00:00 0                      [heap]'),
    mapping('7f0000000000-7f0000001000 r--p 00000000 00:00 0 '),
  ].join('')
  assert.deepEqual(untouchedMappings(smaps), [
    { from: 0x400000n, bytes: 0x10000 },
    { from: 0x410000n, bytes: 0x20000 },
    { from: 0x460000n, bytes: 0x10000 },
  ])
})

test('AGT-9: a process gives back most of what its start took, and does again what it did before', {
  skip: process.platform !== 'linux' && 'needs Linux',
}, () => {
  const program = join(import.meta.dirname, 'test/giving-back.ts')
  const argv = ['--disable-warning=ExperimentalWarning', '--expose-gc', program]
  const text = execFileSync(process.execPath, argv, { encoding: 'utf8', env: { PATH: process.env.PATH } })
  const { before, after, digests } = JSON.parse(text) as { before: number; after: number; digests: string[] }
  assert.ok(after < before / 2, `${before} bytes before, ${after} after`)
  assert.equal(digests.length, 2)
  assert.equal(digests[0], digests[1])
})
