// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createAccounts } from './accounts.ts'

test('AGT-9: the file of accounts is looked at once a second, and at once for a user whom nobody knows', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sealwatch-accounts-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'passwd')
  let nowNs = 0n
  const { nameOf, all } = createAccounts({ monotonicNs: () => nowNs }, path)
  assert.equal(nameOf(1), undefined, 'there is no file')
  writeFileSync(path, 'one:x:1:1::/:/bin/sh\nother:x:1:1::/:/bin/sh\n')
  assert.equal(nameOf(1), 'one', 'the first name of a number counts')
  writeFileSync(path, 'uno:x:1:1::/:/bin/sh\ntwo:x:2:2::/:/bin/sh\n')
  assert.equal(nameOf(1), 'one')
  assert.equal(nameOf(2), 'two')
  assert.equal(nameOf(1), 'uno')
  rmSync(path)
  nowNs += 1_000_000_000n
  assert.equal(nameOf(2), 'two', 'while the file is being replaced the last names serve on')
  writeFileSync(path, 'three:x:3:3::/:/bin/sh\n')
  assert.deepEqual([...all()], [[3, 'three']])
})
