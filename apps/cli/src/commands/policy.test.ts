// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { testIo } from '../../test/test-io.ts'
import { run } from '../cli.ts'

const vectors = join(import.meta.dirname, '../../../../vectors/policies')

async function validate(path: string, ...more: string[]) {
  const io = testIo()
  const code = await run(['policy', 'validate', path, ...more], io)
  return { code, out: io.said(), err: io.complained() }
}

test('POL-2 a good policy is told to be one, without a server', async () => {
  const { code, out } = await validate(join(vectors, 'good/network.json'))
  assert.equal(code, 0)
  assert.match(out, /network\.json is a network policy of 4 rules without an error\.\n$/)
  const json = await validate(join(vectors, 'good/network.json'), '--json')
  assert.deepEqual(JSON.parse(json.out), { ok: true, problems: [], omitted: 0 })
})

test('POL-2 a typing error is shown in its line, with what was meant', async () => {
  const { code, out } = await validate(join(vectors, 'bad/typo.json'))
  assert.equal(code, 1)
  assert.ok(
    out.includes(
      'typo.json:4:3: error (unknown_member)\n' +
        '  4 |   "enabeld": true,\n' +
        '    |   ^\n' +
        '  /enabeld: there is no such member here, found "enabeld"\n' +
        '  Did you mean "enabled"?\n',
    ),
    out,
  )
  const { problems } = JSON.parse((await validate(join(vectors, 'bad/typo.json'), '--json')).out) as {
    problems: object[]
  }
  assert.equal(problems.length, 10)
})

test('warnings alone are no error', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'sealwatch-cli-policy-'))
  const path = join(dir, 'x.json')
  writeFileSync(
    path,
    '{"type":"network","name":"x","rules":[{"id":"a","action":"deny","addresses":["10.0.0.0/8","10.1.0.0/16"]}]}',
  )
  const { code, out } = await validate(path)
  rmSync(dir, { recursive: true })
  assert.equal(code, 0)
  assert.match(out, /x\.json:1:\d+: warning \(overlap\)/)
})

test('what a hostile file holds is shown harmlessly, in a long line only around the place', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'sealwatch-cli-policy-'))
  const path = join(dir, 'x.json')
  writeFileSync(path, `{"type":"process","description":"${'a'.repeat(900)}","name":"\x9b2J\u202e","rules":[]}`)
  const { out } = await validate(path)
  assert.ok(!out.includes('\x9b') && !out.includes('\u202e'))
  assert.ok(out.split('\n').every((line) => line.length < 700))
  writeFileSync(path, 'x'.repeat(2_000_000))
  const large = await validate(path)
  assert.deepEqual([large.code, /CLI_FILE/.test(large.err)], [3, true])
  rmSync(dir, { recursive: true })
  assert.equal((await validate('/nowhere/x.json')).code, 3)
})

test('POL-2 an example of each type is a good policy to start from', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'sealwatch-cli-policy-'))
  for (const type of ['network', 'file', 'process', 'detection', 'response', 'retention']) {
    const io = testIo()
    assert.equal(await run(['policy', 'example', type], io), 0)
    writeFileSync(join(dir, 'x.json'), io.said())
    assert.equal((await validate(join(dir, 'x.json'))).err, '')
    assert.match((await validate(join(dir, 'x.json'))).out, new RegExp(`is a ${type} policy of \\d rules? without`))
  }
  rmSync(dir, { recursive: true })
  const io = testIo()
  assert.equal(await run(['policy', 'example', 'netwrk'], io), 2)
  assert.match(io.complained(), /Did you mean network\?/)
})
