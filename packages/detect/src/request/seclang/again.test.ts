// SPDX-License-Identifier: Apache-2.0
// An engine remembers what it found out about texts. Nobody should be able to tell.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { readContext } from '../context.ts'
import { decodeRequest } from '../decode/request.ts'
import { createInjection } from '../injection.ts'
import { loadSecRules } from './load.ts'

const rules = `
SecRule ARGS "@rx union\\s+select" "id:1,phase:2,t:none,t:lowercase"
SecRule ARGS|REQUEST_HEADERS "@rx (?i)<script" "id:2,phase:2,t:none,t:urlDecodeUni,t:htmlEntityDecode"
SecRule ARGS:a "@contains x'" "id:3,phase:2"
SecRule ARGS|!ARGS:a "@pm etc/passwd union" "id:4,phase:2,t:none,t:normalizePath,t:cmdLine"
SecRule REQUEST_HEADERS:X-A|ARGS:b "@rx [a-f]{4}" "id:5,phase:1,t:lowercase"
SecRule ARGS "@rx onload=" "id:6,phase:2,multiMatch,t:removeWhitespace,t:jsDecode"
SecRule ARGS "@detectSQLi" "id:7,phase:2"
SecRule ARGS:a "@streq off" "id:8,phase:1,ctl:ruleRemoveTargetById=1;ARGS:b"
SecRule ARGS "@rx (?<!a)secret" "id:9,phase:2"
`
const load = () => loadSecRules([{ path: 'test.conf', text: rules }], { files: () => undefined }).engine
const injection = createInjection()

const text = fc.constantFrom(
  'union select',
  'UNION  SELECT',
  '%3cscript',
  '&lt;SCRIPT>',
  "x'",
  '/etc/./passwd',
  '/e"t"c/passwd',
  'ABCD',
  'on load=',
  'o\\nload=',
  "1' or '1'='1",
  'off',
  'a secret',
  'asecret',
  'harmless, all of it',
  '',
)
const request = fc.record({ a: text, b: text, header: text, asks: fc.boolean() })
type Asked = { readonly a: string; readonly b: string; readonly header: string; readonly asks: boolean }

const judge = (engine: ReturnType<typeof load>, { a, b, header, asks }: Asked) => {
  const context = readContext({
    method: 'GET',
    path: '/',
    query: `a=${encodeURIComponent(a)}&b=${encodeURIComponent(b)}`,
    headers: [['X-A', header]],
    address: '192.0.2.1',
  })
  return engine.evaluate(context, decodeRequest(context), asks ? injection : undefined)
}

test('DET-1 a request is judged alike by an engine that has judged others and by one that has not', () => {
  const engine = load()
  fc.assert(
    fc.property(request, (asked) => {
      assert.deepEqual(judge(engine, asked), judge(load(), asked))
    }),
    { numRuns: 400 },
  )
})

test('DET-1 a text that libinjection had no time for is not remembered as harmless, and it is told', () => {
  const engine = load()
  const query = `b=${encodeURIComponent("1' or '1'='1")}`
  const judgeWith = (answer: boolean | undefined) => {
    const context = readContext({ method: 'GET', path: '/', query, headers: [], address: '192.0.2.1' })
    const hurried = { sqli: () => answer, xss: () => false, prepare: () => undefined }
    const { matches, isComplete } = engine.evaluate(context, decodeRequest(context), hurried)
    return [matches.map(({ id }) => id), isComplete]
  }
  assert.deepEqual([undefined, true, undefined, true].map(judgeWith), [
    [[], false],
    [[7], true],
    [[], false],
    [[7], true],
  ])
})

test('DET-1 letters that a rule makes small are found, where there are capital ones alone', () => {
  const { matches } = judge(load(), { a: '', b: 'ABCD', header: '', asks: false })
  assert.deepEqual(
    matches.map(({ id }) => id),
    [5],
  )
})
