// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock as clock } from '@sealwatch/base'
import { evaluate, loadRules, type Rule } from '@sealwatch/detect'
import { checkedException } from './checked-exception.ts'
import { compileException, createExceptionJudge, isMeant } from './exception-form.ts'
import { openRulebook } from './rulebook.ts'
import { ruleText } from './test/rule-text.ts'

const event = (path: string, user?: string) => ({
  type_uid: 100701,
  process: { file: { path } },
  actor: { process: { file: { path } }, ...(user !== undefined && { user: { name: user } }) },
})
const book = await openRulebook(
  [{ path: 'a.yml', text: ruleText('a').replace('level:', 'tags: [attack.t1059]\nlevel:') }],
  clock,
)
const [rule] = book.ruleset.rules as [Rule]

test('DET-2 an exception is judged by the compiler of the rules, on the fields of its rule', () => {
  assert.equal(evaluate(book.ruleset, event('/usr/bin/a')).length, 1)
  const excepts = createExceptionJudge({ 'Image|startswith': '/usr/bin/' })
  assert.deepEqual([excepts(rule, event('/usr/bin/a'), {}), excepts(rule, event('/tmp/a'), {})], [true, false])
  const any = createExceptionJudge([{ Image: '/x' }, { Image: '/tmp/a' }])
  assert.deepEqual([any(rule, event('/usr/bin/a'), {}), any(rule, event('/tmp/a'), {})], [false, true])
  assert.equal(createExceptionJudge(null)(rule, event('/tmp/a'), {}), true)
})

test('DET-2 what is wrong with an exception is told as of a rule; one that cannot be judged excepts nothing', () => {
  assert.throws(() => compileException(rule, { Imag: 'x' }), {
    code: 'EXCEPTION_INVALID',
    received: /Imag/,
    advice: /Image/,
  })
  assert.throws(() => compileException(rule, { 'Image|re': '(?=x)' }), { code: 'EXCEPTION_INVALID' })
  assert.throws(() => compileException(rule, {}), { code: 'EXCEPTION_INVALID' })
  assert.throws(() => compileException(rule, { Image: 'x'.repeat(9_000) }), {
    code: 'EXCEPTION_INVALID',
    received: /8192/,
  })
  assert.equal(createExceptionJudge({ Imag: 'x' })(rule, event('x'), {}), false)
  const falco = loadRules([
    {
      path: 'falco.yaml',
      text: '- rule: x\n  desc: y\n  condition: evt.type = execve and proc.name = a\n  output: z\n  priority: WARNING\n  source: syscall\n',
    },
  ])
  const [of] = falco.ruleset.rules
  assert.ok(of, String(falco.problems[0]?.error))
  assert.throws(() => compileException(of, { Image: 'x' }), { code: 'EXCEPTION_INVALID', received: /Falco/ })
})

test('DET-2 expressions of an exception are bounded together, and where an event takes too many steps of them it is not excepted', () => {
  const costly = `(?i)[^${Array.from({ length: 100 }, (_, at) => String.fromCharCode(0x4e00 + 2 * at)).join('')}]{0,300}Q`
  assert.throws(
    () =>
      compileException(
        rule,
        [1, 2, 3, 4].map((at) => ({ 'Image|re': `${costly}${at}` })),
      ),
    {
      code: 'EXCEPTION_INVALID',
      received: /states/,
    },
  )
  const path = `/Q2${'\u9000'.repeat(2_000)}`
  for (const selection of [{ 'Image|re': `${costly}2$|/Q2.*$` }, { 'Image|re|neq': `${costly}2$` }]) {
    const excepts = createExceptionJudge(selection)
    const told = JSON.stringify(Object.keys(selection))
    assert.deepEqual([excepts(rule, event(path), {}), excepts(rule, event('/Q2x'), {})], [false, true], told)
    assert.equal(excepts(rule, event(path), {}), false, told)
  }
})

test('DET-2 an exception by a tag is compiled once for all rules of a log source', () => {
  let read = 0
  const selection = {
    get Image() {
      read += 1
      return '/x'
    },
  }
  const rules = Array.from({ length: 5 }, (_, at) => ({ ...rule, id: `${at}` }))
  const now = { ruleset: { ...book.ruleset, rules }, requestRuleIds: new Set<string>(), feeds: [], nowMs: 0 }
  const wanted = { tag: 'attack.t1059', selection, reason: 'x', expiresAt: '1970-01-02T00:00:00Z' }
  assert.equal(checkedException(wanted, now, 'trying').selection, '{"Image":"/x"}')
  assert.equal(read, 2, 'to compile it, and to keep it')
})

test('DET-2 an exception is about a rule, or about all that have a tag', () => {
  assert.ok(isMeant(rule, { ruleId: rule.id, tag: null }))
  assert.ok(isMeant(rule, { ruleId: null, tag: 'attack.t1059' }))
  assert.ok(!isMeant(rule, { ruleId: 'another', tag: null }))
  assert.ok(!isMeant(rule, { ruleId: null, tag: 'attack.t1' }))
  assert.ok(!isMeant(rule, { ruleId: null, tag: null }))
})
