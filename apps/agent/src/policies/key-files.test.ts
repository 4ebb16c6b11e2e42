// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileTableFor } from './enforce.ts'
import { keyFilesPolicy } from './key-files.ts'

const vault = {
  name: 'vault',
  exe: '/usr/bin/vault',
  keys: [{ path: '/etc/vault/seal', may: [{ uid: 34 }, { exe: '/usr/bin/restic', uid: 0 }] }],
}

test('RIM-2 where it is to be prevented, key files are kept by the kernel from all who are not named', () => {
  const policy = keyFilesPolicy({ prevent: 'on', protect: [vault] })
  assert(policy !== undefined)
  const { table, left, beyond } = fileTableFor([policy], new Map())
  assert(table !== undefined)
  assert.deepEqual([left, beyond], [[], []])
  assert.deepEqual([...new Set(table.paths.map(({ path }) => path))], ['/etc/vault/seal'])
  assert.deepEqual([...table.programs.named.keys()].sort(), ['/usr/bin/restic', '/usr/bin/vault'])
  const denying = table.rules.flatMap(({ denies }, at) => (denies ? [at] : []))
  assert.equal(denying.length, 1)
  assert.deepEqual(
    table.users.map(({ from }) => from),
    [0, 1, 34, 35],
  )
})

test('RIM-2 nothing is refused unless it is to be, nor to whom nobody could tell from others', () => {
  for (const prevent of ['off', 'dry-run', undefined] as const)
    assert.equal(keyFilesPolicy({ ...(prevent && { prevent }), protect: [vault] }), undefined)
  assert.equal(keyFilesPolicy({ mode: 'observe', prevent: 'on', protect: [vault] }), undefined)
  const web = { name: 'web', unit: 'nginx.service', keys: [{ path: '/etc/tls' }] }
  assert.equal(keyFilesPolicy({ prevent: 'on', protect: [web] }), undefined)
})
