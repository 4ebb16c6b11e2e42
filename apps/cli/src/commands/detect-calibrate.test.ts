// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { testIo } from '../../test/test-io.ts'
import { run } from '../cli.ts'

const dir = mkdtempSync(join(tmpdir(), 'sealwatch-calibrate-'))
after(() => rmSync(dir, { recursive: true }))

async function calibrate(lines: readonly string[], ...options: string[]) {
  const file = join(dir, 'requests.jsonl')
  writeFileSync(file, lines.join('\n'))
  const io = testIo()
  const code = await run(['detect', 'calibrate', '--file', file, ...options], io)
  return { code, said: io.said(), complained: io.complained() }
}
const request = (query: string) => JSON.stringify({ method: 'GET', url: `/search?q=${query}`, address: '192.0.2.1' })
const harmless = Array.from({ length: 999 }, (_, n) => request(`book${n}`))
const attack = request('1%27%3B%20DROP%20TABLE%20users%3B%20--')

test('DET-1 calibrate judges recorded requests, and shows which share lies at or above each threshold', async () => {
  const { code, said, complained } = await calibrate([...harmless, '', attack])
  assert.deepEqual([code, complained], [0, ''])
  assert.match(said, /^1000 requests\.\n/)
  assert.match(said, /^>= 50 +1 +0\.10 % +#{16} +observe$/m)
  assert.match(said, /^(?:rules:7000110|model) +1 +0\.10 %$/m)
})

test('DET-1 calibrate suggests the threshold that keeps to a share, and sets none', async () => {
  const kept = await calibrate([...harmless, attack], '--false-positives', '0.1%')
  assert.match(
    kept.said,
    /\n {2}sudo \.\/sealwatch detect settings set --observe \d+ --challenge \d+ --block \d+ --because/,
  )
  const none = await calibrate([...harmless, attack], '--false-positives', '0.01%')
  assert.match(none.said, /From \d+ on lie 0 % of these requests|No threshold keeps to 0\.010 %/)
  const { block_suggested, scores } = JSON.parse((await calibrate([attack], '--false-positives', '100', '--json')).said)
  assert.deepEqual([block_suggested, scores.length], [1, 101])
})

test('DET-1 what is no request is left out and told, and a file without any calibrates nothing', async () => {
  const { code, said, complained } = await calibrate(['{', '{"method":1}', attack])
  assert.deepEqual([code, said.split('\n')[0]], [0, '1 request.'])
  assert.equal(complained, '2 lines left out, the first for line 1: JSON that does not parse\n')
  const secret = '{"method":"GET","url":"/","address":"192.0.2.1","hunter2":1}'
  for (const line of [secret, `${secret}x`]) {
    const left = await calibrate([line])
    assert.match(
      left.complained,
      /^1 line left out, the first for line 1: (?:CONTEXT_SHAPE while reading a member|JSON)/,
    )
    assert.doesNotMatch(left.complained, /hunter2/)
  }
  assert.match((await calibrate([''], '--false-positives', '1')).said, /^No request was judged.*\n\nNo threshold/)
  const io = testIo()
  assert.equal(await run(['detect', 'calibrate', '--file', join(dir, 'nothing')], io), 3)
  assert.match(io.complained(), /CLI_FILE/)
  const ofFolder = testIo()
  assert.equal(await run(['detect', 'calibrate', '--file', dir], ofFolder), 3)
  assert.match(ofFolder.complained(), /CLI_FILE\)\n.*found.*a folder"\n.*Name a file with a request in each line/)
  assert.equal((await calibrate([attack], '--false-positives', 'few')).code, 2)
})
