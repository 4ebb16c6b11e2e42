// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import { readContext } from './context.ts'
import { decodeRequest } from './decode/request.ts'
import { type OpenedJudge, openJudge } from './open-judge.ts'
import { loadSecRules } from './seclang/load.ts'
import type { ExceptionOf } from './verdict/verdict.ts'

const coreRules = join(import.meta.dirname, '../../../../../shared/rules-samples/crs4')
const skip = existsSync(coreRules) ? false : `there is no core rule set in ${coreRules}`
const headers = [
  ['Host', 'shop.example'],
  ['User-Agent', 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'],
  ['Accept', '*/*'],
] as const
const asked = (parameters: Record<string, string>) => {
  const query = new URLSearchParams(parameters).toString()
  return readContext({ method: 'GET', path: '/search', query, headers, address: '192.0.2.1' })
}

const union = "1' UNION SELECT username, password FROM users-- -"
const searched = [
  union,
  "1' UNION ALL SELECT table_name, column_name FROM information_schema.columns WHERE 1=1 UNION SELECT username, password FROM users-- -",
  "SELECT a FROM b WHERE c='1' UNION SELECT username, password FROM users; DROP TABLE users; -- ' OR '1'='1' AND SLEEP(5)-- -",
  "<script>alert(document.cookie)</script>' UNION SELECT 1,2,3-- - ; cat /etc/passwd ../../../../etc/passwd",
]
const attacks = [
  "' OR '1'='1' -- ",
  "1' AND SLEEP(5)-- -",
  '1 or 1=1',
  "'; DROP TABLE users; --",
  "admin'--",
  union,
  '; cat /etc/passwd',
  '<script>alert(1)</script>',
]
const ofQ: ExceptionOf = ({ detector, where }) =>
  (detector === 'rules' || detector === 'model') && where === 'ARGS_GET:q' ? `of ${detector}` : undefined
const judgeBy = ({ judge }: OpenedJudge, parameters: Record<string, string>, exceptionOf?: ExceptionOf) =>
  judge(asked(parameters), 0n, undefined, exceptionOf)

for (const [name, rules, skipped] of [
  ['our basic rules', undefined, false],
  ['the core rule set', coreRules, skip],
] as const)
  describe(`exceptions from ${name}`, { skip: skipped }, () => {
    let judge: OpenedJudge
    before(() => {
      judge = openJudge({ rules })
    })

    test('DET-1 what is excepted in one parameter hides nothing that stands in another, before or behind it', () => {
      for (const id of attacks) {
        const alone = judgeBy(judge, { id })
        for (const both of searched.flatMap((q) => [
          { q, id },
          { id, q },
        ])) {
          const { recommended_action, score, reasons, excepted } = judgeBy(judge, both, ofQ)
          assert.equal(recommended_action, 'block', JSON.stringify(both))
          assert.ok(score >= alone.score && reasons.length >= alone.reasons.length, JSON.stringify(both))
          assert.ok(reasons.every((one) => ofQ(one) === undefined))
          assert.ok(excepted.length > 0 && excepted.every((one) => one.exception === ofQ(one)))
        }
      }
    })

    test('DET-1 what is excepted does not count, and counts where nothing is excepted', () => {
      for (const q of searched) {
        const { reasons, excepted } = judgeBy(judge, { q }, ofQ)
        const open = judgeBy(judge, { q })
        assert.equal(open.recommended_action, 'block')
        assert.ok(reasons.every((one) => ofQ(one) === undefined))
        const told = excepted.map(({ exception, ...reason }) => JSON.stringify(reason))
        for (const one of open.reasons) if (ofQ(one)) assert.ok(told.includes(JSON.stringify(one)), one.what)
        assert.deepEqual(
          judgeBy(judge, { q }, () => undefined),
          open,
        )
      }
    })
  })

test('DET-1 a parameter that alone is excepted is let through', () => {
  const judge = openJudge({})
  for (const q of searched) assert.deepEqual(judgeBy(judge, { q }, ofQ).recommended_action, 'allow', q)
})

test('DET-1 an exception from one rule at one place is none from others there, nor from that rule elsewhere', () => {
  const judge = openJudge({})
  const ofOne: ExceptionOf = ({ id, where }) => (id === '7000110' && where === 'ARGS_GET:q' ? 'x' : undefined)
  const { reasons, excepted } = judgeBy(judge, { q: union, id: union }, ofOne)
  const rules = reasons.flatMap(({ id, where }) => (id === undefined ? [] : [`${id} ${where}`]))
  assert.ok(rules.includes('7000110 ARGS_GET:id') && rules.includes('7000120 ARGS_GET:q'), rules.join())
  assert.deepEqual(
    excepted.map(({ id, where }) => [id, where]),
    [['7000110', 'ARGS_GET:q']],
  )
})

test('DET-1 a rule that is excepted wherever it looks is told once, and does not count', () => {
  const { reasons, excepted } = judgeBy(openJudge({}), { a: union, b: union }, ({ id }) => id && 'x')
  assert.deepEqual(
    reasons.map(({ detector }) => detector),
    ['model'],
  )
  assert.equal(new Set(excepted.map(({ id }) => id)).size, excepted.length)
})

test('DET-1 of a request with more places than exceptions are asked about what is told counts', () => {
  let times = 0
  const counting: ExceptionOf = () => {
    times += 1
    return 'x'
  }
  const query = `${'a=%27+or+1%3D1&'.repeat(800)}`
  const forms = { 'content-type': 'application/x-www-form-urlencoded' }
  const given = { method: 'POST', path: '/', query, headers: Object.entries(forms), address: '192.0.2.1' }
  const context = readContext({ ...given, body: Buffer.from(query) })
  openJudge({}).judge(context, 0n, undefined, counting)
  assert.ok(times <= 8_192 + 100, String(times))
})

const by = (rules: string, query: string, isExcepted?: (id: number, where: string) => boolean) => {
  const { engine } = loadSecRules([{ path: 'test.conf', text: rules }], { files: () => undefined })
  const context = readContext({ method: 'GET', path: '/', query, headers: [], address: '192.0.2.1' })
  const judged = () => engine.evaluate(context, decodeRequest(context), undefined, isExcepted)
  const { matches, ...verdict } = judged()
  assert.deepEqual(judged(), { matches, ...verdict }, 'it judges alike when it does so again')
  return { ...verdict, told: matches.map(({ id, where, text }) => `${id} ${where} ${text}`) }
}
const atQ = (_: number, where: string) => where === 'ARGS_GET:q'

test('DET-1 a chain is followed for what is not excepted by itself, and sets nothing for what is', () => {
  const chain = `
SecRule ARGS "@rx http://(\\w+)" "id:1,phase:2,capture,setvar:'tx.hosts_%{MATCHED_VAR_NAME}=%{TX.1}',chain"
SecRule TX:/^hosts_/ "!@streq own"
SecRule ARGS "@rx select" "id:2,phase:2,chain"
SecRule MATCHED_VARS "@rx from"`
  for (const [query, told] of [
    ['q=http://evil&id=http://own', ['1 ARGS_GET:q http://evil']],
    ['q=http://evil&id=http://bad', ['1 ARGS_GET:id http://bad', '1 ARGS_GET:q http://evil']],
    ['q=http://own', []],
    ['q=select+from&id=select', ['2 ARGS_GET:q select']],
    ['q=select&id=select+from', ['2 ARGS_GET:id select']],
    ['id=select+from&q=select+from', ['2 ARGS_GET:id select', '2 ARGS_GET:q select']],
  ] as const)
    assert.deepEqual(by(chain, query, atQ).told, told, query)
})

test('DET-1 what is excepted takes no room from what is told, turns nothing off, and adds to no score', () => {
  const many = Array.from({ length: 70 }, (_, at) => `SecRule ARGS:q "@rx x" "id:${at + 1},phase:2"`).join('\n')
  const off = `SecRule ARGS "@rx x" "id:100,phase:2,setvar:tx.x_score=+1,ctl:ruleRemoveById=101"
SecRule ARGS "@rx y" "id:101,phase:2"`
  const { told, scores } = by(`${many}\n${off}`, 'q=x&id=y', atQ)
  assert.deepEqual([told[0], told.length, scores], ['101 ARGS_GET:id y', 65, {}])
  assert.deepEqual(by(off, 'q=x&id=y').told, ['100 ARGS_GET:q x'])
})

test('DET-1 a rule of which nobody is told is not excepted, for others need what it finds', () => {
  const silent = `SecRule ARGS "@rx x" "id:1,phase:2,nolog,setvar:tx.seen=1"
SecRule TX:seen "@eq 1" "id:2,phase:2"`
  assert.deepEqual(by(silent, 'q=x', atQ).told, ['2 TX:seen 1'])
})
