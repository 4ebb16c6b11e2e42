// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { before, describe, test } from 'node:test'
import { type OpenedJudge, openJudge } from './open-judge.ts'
import { contextOfJson } from './wire/json-context.ts'

const coreRules = '/work/shared/rules-samples/crs4'
const skip = existsSync(coreRules) ? false : `there is no core rule set in ${coreRules}`
const headers = [
  ['Host', 'shop.example'],
  ['User-Agent', 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'],
  ['Accept', '*/*'],
]
const asked = (q: string) =>
  contextOfJson({ method: 'GET', url: `/search?q=${encodeURIComponent(q)}`, headers, address: '192.0.2.1' })

const attacks = [
  ["1'; DROP TABLE users; --", 'sql_injection'],
  ["x' OR '1'='1", 'sql_injection'],
  ['1 UNION SELECT name, password FROM users', 'sql_injection'],
  ['<script>alert(document.cookie)</script>', 'xss'],
  ['<img src=x onerror=alert(1)>', 'xss'],
  ['../../../../etc/passwd', 'path_traversal'],
] as const
const harmless = [
  'blue table',
  "O'Brien & Sons; the best",
  'select your union representative',
  'cats; dogs and other pets',
  'if a < b and b > c then x = 1',
  'https://example.org/a/b?c=d&e=f',
  '{"a": [1, 2, {"b": "c"}]}',
]

for (const [name, rules, skipped] of [
  ['our basic rules', undefined, false],
  ['the core rule set', coreRules, skip],
] as const)
  describe(`requests judged by ${name}`, { skip: skipped }, () => {
    let judge: OpenedJudge
    before(async () => {
      judge = openJudge({ rules })
    })

    test('DET-1 every rule loads', () => {
      assert.deepEqual(judge.problems, [])
      assert.equal(judge.withoutInjection, undefined)
      assert.ok(judge.rules > 0)
    })

    test('DET-1 attacks in a parameter are found, and said to be what they are', () => {
      const told = attacks.map(([text]) => {
        const { type, threat } = judge.judge(asked(text), 1n)
        return [text, type, threat]
      })
      assert.deepEqual(
        told,
        attacks.map(([text, type]) => [text, type, true]),
      )
    })

    test('DET-1 what only looks a little like one is let through', () => {
      const told = harmless.map((text) => [text, judge.judge(asked(text), 1n).threat])
      assert.deepEqual(
        told,
        harmless.map((text) => [text, false]),
      )
    })
  })

test('DET-1 a folder without rules is refused', async () => {
  assert.throws(() => openJudge({ rules: '/nonexistent' }), { code: 'REQUEST_RULES' })
  assert.throws(() => openJudge({ rules: import.meta.dirname }), { code: 'REQUEST_RULES' })
})
