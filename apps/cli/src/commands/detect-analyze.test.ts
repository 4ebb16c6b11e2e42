// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { testIo } from '../../test/test-io.ts'
import { run } from '../cli.ts'

const dir = mkdtempSync(join(tmpdir(), 'sealwatch-detect-'))
after(() => rmSync(dir, { recursive: true }))

async function analyze(content: string, ...options: string[]) {
  const file = join(dir, 'request')
  writeFileSync(file, content)
  const io = testIo()
  const code = await run(['detect', 'analyze', file, ...options], io)
  return { code, said: io.said(), complained: io.complained() }
}
const http = 'GET /search?q=1%27%3B%20DROP%20TABLE%20users%3B%20-- HTTP/1.1\r\nHost: shop.example\r\n\r\n'

test("DET-1 DET-3 detect analyze finds 1'; DROP TABLE users; -- in a request as it is sent, and says why", async () => {
  const { code, said } = await analyze(http)
  assert.equal(code, 1)
  assert.match(said, /^THREAT sql injection, critical, score (?:9\d|100) of 100, confidence (?:0\.9\d|1): block\n/)
  assert.match(said, /\n {2}rules \+5\.4 rule 7000110: .* in ARGS_GET:q: #'; DROP TABLE users; --\n/)
  assert.match(
    said,
    /\n {2}model \+[\d.]+ what attacks are written like: ".*" in ARGS_GET:q: #'; DROP TABLE users; --\n/,
  )
  assert.match(said, /\nDid not judge: reputation, behaviour\n$/)
})

test('DET-1 detect analyze takes JSON, too, and tells programs the whole verdict', async () => {
  const request = { method: 'GET', url: '/search?q=blue+table', address: '198.51.100.7' }
  const { code, said } = await analyze(JSON.stringify(request), '--json')
  const { threat, score, recommended_action } = JSON.parse(said)
  assert.deepEqual({ code, threat, recommended_action }, { code: 0, threat: false, recommended_action: 'allow' })
  assert.ok(score < 50, `${score}`)
})

test('DET-1 a rule that does not load is named with its file and line, and the others judge', async () => {
  const rules = join(dir, 'rules')
  mkdirSync(rules)
  writeFileSync(join(rules, 'a.conf'), 'SecRule ARGS "@rx drop" "id:1,phase:2,deny"\n\nSecRule ARGS "@rx x" "id:2,phas')
  writeFileSync(join(rules, 'b.conf'), 'SecRule ARGZ "@rx x" "id:3,phase:2,deny"\n')
  const { complained, said } = await analyze(http, '--rules', rules, '--json')
  assert.match(complained, /^a rule did not load: .*\/rules\/a\.conf:3: a text whose quote does not end$/m)
  assert.match(complained, /^a rule did not load: .*\/rules\/b\.conf:1: rule 3: the variable ARGZ$/m)
  assert.deepEqual(JSON.parse(said).wrong_rules, [
    { file: join(rules, 'a.conf'), line: 3, id: 0, reason: 'a text whose quote does not end' },
    { file: join(rules, 'b.conf'), line: 1, id: 3, reason: 'the variable ARGZ' },
  ])
  rmSync(join(rules, 'a.conf'))
  assert.match(
    (await analyze(http, '--rules', rules)).complained,
    /REQUEST_RULES[\s\S]*b\.conf:1: rule 3: the variable ARGZ/,
  )
})

test('DET-1 what is no request, and a folder that has no rules, are told as such', async () => {
  assert.match((await analyze('{"method": 1}')).complained, /CONTEXT_SHAPE/)
  assert.match((await analyze('{')).complained, /CLI_FILE/)
  assert.match((await analyze('nothing')).complained, /CONTEXT_SHAPE/)
  assert.match((await analyze(http, '--rules', dir)).complained, /REQUEST_RULES/)
})
