// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { chmodSync, mkdtempDisposableSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { test } from 'node:test'
import { testIo } from '../../test/test-io.ts'
import { run } from '../cli.ts'

const skip = process.getuid?.() === 0 ? false : 'needs root, whose the list is'

test('AGT-4 the unit of the sensor watches what root wrote in watch.list, and what anybody else could write is refused', {
  skip,
}, async () => {
  using dir = mkdtempDisposableSync(join(tmpdir(), 'sealwatch-watch-'))
  const at = (name: string) => join(dir.path, name)
  const apply = async () => {
    const io = testIo()
    const code = await run(['watch', 'apply', '--authority', at('authority'), '--data', dir.path, '--json'], io)
    return { code, said: JSON.parse(io.said()), text: io.said() + io.complained() }
  }
  assert.equal((await apply()).said.isNew, true)
  assert.match(readFileSync(at('watch.unit'), 'utf8'), /^\/etc\/shadow\n/)
  assert.equal(readFileSync(at('watch.env'), 'utf8'), `WATCHED=--watch-file ${at('watch.unit')}\n`)
  assert.equal((await apply()).said.isNew, false)

  writeFileSync(at('watch.list'), '# mine\n/srv/secret\n')
  assert.equal((await apply()).said.isNew, true)
  const entries = readFileSync(at('watch.unit'), 'utf8')
  assert.match(entries, /^\/srv\/secret\n/)
  assert.match(entries, new RegExp(`^changes,diff:${at('watch.list')}$`, 'm'), 'who changes it is told')
  assert.doesNotMatch(entries, /\/etc\/shadow/)

  writeFileSync(at('watch.list'), 'reads:/a\n')
  assert.deepEqual([(await apply()).code, readFileSync(at('watch.unit'), 'utf8')], [2, entries])
  writeFileSync(at('watch.list'), '/a\n')
  chmodSync(at('watch.list'), 0o666)
  const refused = await apply()
  assert.match(refused.text, /CLI_WATCH_LIST.*owner 0, mode 666/s)
  assert.equal(readFileSync(at('watch.unit'), 'utf8'), entries)

  chmodSync(at('watch.list'), 0o644)
  assert.deepEqual((await apply()).said.told, undefined, 'no file says which CA')
  writeFileSync(at('authority'), JSON.stringify({ caPin: 'ab'.repeat(16) }))
  assert.deepEqual((await apply()).said.told, 0)
  chmodSync(at('authority'), 0o666)
  assert.match((await apply()).text, /authority.*mode 666/s)
  chmodSync(at('authority'), 0o644)
  assert.equal(statSync(at('watch.unit')).mode & 0o777, 0o644)
  writeFileSync(at('instance.json'), '{}')
  assert.match((await apply()).text, /CLI_ALREADY_RUNNING/)
})
