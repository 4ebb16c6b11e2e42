// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { testIo } from '../../test/test-io.ts'
import { run } from '../cli.ts'

test('the verify page is handed out as it was built, with its hash; without it the build is named', async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-audit-page-'))
  const out = join(dir.path, 'verify.html')
  const write = async (...args: string[]) => {
    const io = testIo({ root: dir.path, uid: 1000 })
    return { code: await run(['audit', 'page', ...args], io), said: io.said(), complained: io.complained() }
  }
  const missing = await write('-o', out)
  assert.equal(missing.code, 3)
  assert.match(missing.complained, /CLI_FILE[\s\S]*tools\/verify-page/)
  mkdirSync(join(dir.path, 'apps/verify-page/dist'), { recursive: true })
  writeFileSync(join(dir.path, 'apps/verify-page/dist/verify.html'), '<!doctype html>…')
  const { code, said } = await write('-o', out, '--json')
  const page = readFileSync(out)
  assert.equal(code, 0)
  assert.deepEqual(JSON.parse(said), {
    file: out,
    bytes: page.length,
    sha256: createHash('sha256').update('<!doctype html>…').digest('hex'),
  })
  assert.equal((await write()).code, 2)
  assert.equal((await write('-o', join(dir.path, 'none/verify.html'))).code, 3)
})
