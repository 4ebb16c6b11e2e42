// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { constants } from 'node:fs'
import { test } from 'node:test'
import { accessOf, fileActivityOf, fileOf, imageOf } from './file.ts'
import { sampleFile } from './sample-observations.ts'

const { O_RDONLY, O_WRONLY, O_RDWR, O_CREAT } = constants
const O_LARGEFILE = 0o100000
const O_PATH = 0o10000000

test('open flags say what can be done with the file', () => {
  const rows = [
    [O_RDONLY, 'read', 'read'],
    [O_RDONLY | O_LARGEFILE, 'read', 'read'],
    [O_WRONLY, 'write', 'update'],
    [O_RDWR, 'read_write', 'update'],
    [O_WRONLY | O_CREAT, 'write', 'create'],
    [O_PATH, 'none', 'open'],
    [O_PATH | O_RDWR, 'none', 'open'],
    [3, 'none', 'open'],
  ] as const
  for (const [flags, access, activity] of rows)
    assert.deepEqual([accessOf(flags), fileActivityOf(flags)], [access, activity], flags.toString(8))
})

test('a file has its last name, its type, and what identifies it', () => {
  const { name, type, uid, xattributes } = fileOf(sampleFile('/etc/shadow', { mode: 0o100640, ino: 2n ** 63n }))
  assert.deepEqual([name, type, uid], ['shadow', 'Regular File', '8:1:9223372036854775808'])
  assert.deepEqual([xattributes?.mode, xattributes?.fs_magic], ['0640', '0xef53'])
  assert.equal(fileOf(sampleFile('/')).name, '/')
  assert.equal(fileOf(sampleFile('/x', { mode: 0 })).type, 'Unknown')
  assert.equal(imageOf('/usr/bin/cat').name, 'cat')
})
