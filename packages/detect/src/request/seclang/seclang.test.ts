// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readContext } from '../context.ts'
import { decodeRequest } from '../decode/request.ts'
import { createInjection } from '../injection.ts'
import { foldConstants } from './fold.ts'
import { loadSecRules, ruleProblemText } from './load.ts'

const injection = createInjection()
const files = (name: string) => (name === 'words.data' ? '# words\nwget\netc/passwd\n' : undefined)
const load = (text: string, variables?: Record<string, string>) =>
  loadSecRules([{ path: 'test.conf', text }], { files, ...(variables ? { variables } : {}) })
const judge = (text: string, given: object = {}, variables?: Record<string, string>) => {
  const { engine, problems } = load(text, variables)
  assert.deepEqual(problems, [])
  const context = readContext({
    method: 'GET',
    path: '/a/b.php',
    query: '',
    headers: [],
    address: '192.0.2.1',
    ...given,
  })
  return engine.evaluate(context, decodeRequest(context), injection)
}
const idsOf = (text: string, given: object = {}, variables?: Record<string, string>) =>
  judge(text, given, variables).matches.map(({ id }) => id)

test('DET-1 a rule says which value matched, where, and what of it', () => {
  const { matches } = judge(
    `SecRule ARGS|!ARGS:skip "@rx (?i)un(i)on\\s" \\\n    "id:1,phase:2,block,t:none,msg:'SQL, it''s',\\\n    tag:'attack-sqli',severity:'CRITICAL'"`.replace(
      "it''s",
      "it\\'s",
    ),
    {
      query: 'skip=union%20x&q=a%20UNION%20select',
    },
  )
  assert.deepEqual(matches, [
    { id: 1, msg: "SQL, it's", severity: 'CRITICAL', tags: ['attack-sqli'], where: 'ARGS_GET:q', text: 'UNION ' },
  ])
})

test('DET-1 each operator decides as its reference says', () => {
  const rows: [operator: string, matching: string, other: string][] = [
    ['@rx ^a.c$', 'abc', 'abcd'],
    ['^a.c$', 'abc', 'abcd'],
    ['@pm foo B|61 7a|', 'xxBAZx', 'ba'],
    ['@pmFromFile words.data', 'GET /ETC/passwd', '# words'],
    ['@contains ell', 'hello', 'help'],
    ['@containsWord ell', 'x ell y', 'hello'],
    ['@streq hello', 'hello', 'hello2'],
    ['@beginsWith he', 'hello', 'oh he'],
    ['@endsWith lo', 'hello', 'lol'],
    ['@within hello world', 'lo wo', 'low'],
    ['@eq 7', '7', '8'],
    ['@ge 7', '7', '6'],
    ['@gt 7', '8', '7'],
    ['@le 7', '7', '8'],
    ['@lt 7', '6', '7'],
    ['!@lt 7', '7', '6'],
    ['@validateByteRange 32-126', 'a\tb', 'ab'],
    ['@validateUrlEncoding', '%4x', '%41'],
    ['@validateUtf8Encoding', '\xff', '\xe9\xa3\x9e'],
    ['@ipMatch 10.0.0.0/8,::1', '10.1.2.3', '11.1.2.3'],
    ['@detectSQLi', "1' or '1'='1", 'union square'],
    ['@detectXSS', '<script>alert(1)', 'a < b'],
  ]
  for (const [operator, matching, other] of rows) {
    const rule = `SecRule ARGS:q "${operator}" "id:1,phase:2"`
    const query = (text: string) => ({
      query: `q=${[...text].map((char) => `%${char.charCodeAt(0).toString(16).padStart(2, '0')}`).join('')}`,
    })
    assert.deepEqual(idsOf(rule, query(matching)), [1], `${operator} ${matching}`)
    assert.deepEqual(idsOf(rule, query(other)), [], `${operator} ${other}`)
  }
  assert.deepEqual(idsOf('SecRule ARGS "@unconditionalMatch" "id:1,phase:2"', { query: 'q' }), [1])
  assert.deepEqual(idsOf('SecRule ARGS "@noMatch" "id:1,phase:2"', { query: 'q' }), [])
})

test('DET-1 variables: counts, names, regular expressions as selectors, and what a phase has', () => {
  const given = {
    method: 'POST',
    query: 'a=1&b_1=x',
    headers: [
      ['Host', 'h'],
      ['Cookie', 'sid=evil'],
      ['Content-Type', 'application/json'],
    ],
    body: Buffer.from('{"c":{"d":"evil"}}'),
  }
  const rows: [targets: string, operator: string, phase: number, matches: boolean][] = [
    ['&ARGS', '@eq 3', 2, true],
    ['&ARGS', '@eq 2', 1, true],
    ['&REQUEST_HEADERS:Host', '@eq 1', 1, true],
    ['&REQUEST_HEADERS:Accept', '@eq 0', 1, true],
    ['ARGS:/^b_\\d/', '@streq x', 2, true],
    ['ARGS|!ARGS:/^b_/', '@streq x', 2, false],
    ['ARGS:c.d', '@streq evil', 2, true],
    ['ARGS:C.D', '@streq evil', 2, true],
    ['ARGS', '@streq evil', 1, false],
    ['ARGS_NAMES', '@streq b_1', 2, true],
    ['REQUEST_COOKIES:sid', '@streq evil', 1, true],
    ['REQUEST_COOKIES_NAMES', '@streq sid', 1, true],
    ['REQUEST_HEADERS_NAMES', '@streq Host', 1, true],
    ['REQUEST_BASENAME', '@streq b.php', 1, true],
    ['REQUEST_LINE', '@streq POST /a/b.php?a=1&b_1=x HTTP/1.1', 1, true],
    ['REQUEST_PROTOCOL', '@streq HTTP/1.1', 1, true],
    ['REQBODY_PROCESSOR', '@streq JSON', 2, true],
    ['QUERY_STRING', '@contains b_1', 1, true],
    ['REMOTE_ADDR', '@ipMatch 192.0.2.0/24', 1, true],
  ]
  for (const [targets, operator, phase, matches] of rows)
    assert.deepEqual(
      idsOf(`SecRule ${targets} "${operator}" "id:1,phase:${phase}"`, given),
      matches ? [1] : [],
      `${targets} ${operator}`,
    )
})

test('DET-1 links of a chain must all match; variables and groups are handed on', () => {
  const rules = `
SecRule REQUEST_HEADERS:Range "@rx (\\d+)-(\\d+)" "id:1,phase:1,capture,chain"
    SecRule TX:2 "@lt %{tx.1}" "setvar:tx.n=+1"
SecRule ARGS "@rx a" "id:2,phase:2,chain"
    SecRule MATCHED_VARS "@rx b" "t:lowercase,chain"
    SecRule MATCHED_VAR_NAME "@rx ^ARGS" "setvar:'tx.found_%{MATCHED_VAR_NAME}=%{MATCHED_VAR}'"
SecRule TX:/^found_/ "@streq ab" "id:3,phase:2"`
  const range = (text: string) => ({ headers: [['Range', text]], query: 'x=ab&y=b' })
  assert.deepEqual(idsOf(rules, range('bytes=5-3')), [1, 2])
  assert.deepEqual(idsOf(rules, range('bytes=3-5')), [2])
  assert.deepEqual(idsOf(rules, { query: 'x=a&y=b' }), [])
})

test('DET-1 setvar adds, takes away and unsets; every value that matches counts', () => {
  const rules = `
SecAction "id:1,phase:1,nolog,pass,setvar:tx.critical_score=5,setvar:tx.sql_score=0"
SecRule ARGS "@contains x" "id:2,phase:2,setvar:'tx.sql_score=+%{tx.critical_score}',setvar:tx.gone=1"
SecRule ARGS "@contains z" "id:3,phase:2,setvar:tx.sql_score=-2,setvar:!tx.gone"
SecRule &TX:gone "@eq 0" "id:4,phase:2"`
  const verdict = judge(rules, { query: 'a=x&b=x&c=z' })
  assert.deepEqual(verdict.scores, { sql_score: 8 })
  assert.deepEqual(
    verdict.matches.map(({ id }) => id),
    [2, 3, 4],
  )
})

test('DET-1 what rules are passed over: skipAfter, and the removals of ctl and of directives', () => {
  const attack = (id: number) => `SecRule ARGS "@contains x" "id:${id},phase:2,tag:'t${id}',msg:'m${id}'"\n`
  const rules = (first: string, ctl: string) =>
    `SecRule ARGS:mode "@streq on" "id:1,phase:2,nolog,${ctl}"\n${attack(10)}${first}${attack(11)}SecMarker "END"\n${attack(12)}`
  const query = 'mode=on&q=x'
  assert.deepEqual(idsOf(rules('', 'skipAfter:END'), { query }), [12])
  assert.deepEqual(idsOf(rules('', 'skipAfter:END'), { query: 'q=x' }), [10, 11, 12])
  assert.deepEqual(idsOf(rules('', 'ctl:ruleRemoveById=10-11'), { query }), [12])
  assert.deepEqual(idsOf(rules('', 'ctl:ruleRemoveByTag=t11'), { query }), [10, 12])
  assert.deepEqual(idsOf(rules('', 'ctl:ruleRemoveByMsg=m12'), { query }), [10, 11])
  assert.deepEqual(idsOf(rules('', 'ctl:ruleRemoveTargetById=10;ARGS:q'), { query }), [11, 12])
  assert.deepEqual(idsOf(rules('', 'ctl:ruleRemoveTargetByTag=t12;ARGS'), { query }), [10, 11])
  assert.deepEqual(idsOf(rules('', 'ctl:ruleEngine=Off'), { query }), [])
  assert.deepEqual(
    idsOf(`${rules('', 'pass')}SecRuleRemoveById 10\nSecRuleRemoveByTag t11\nSecRuleUpdateTargetById 12 "!ARGS:q"`, {
      query,
    }),
    [],
  )
})

test('DET-1 rules that ask for a level of paranoia are decided when they are loaded, and for each level rightly', () => {
  const rules = `
SecRule &TX:level "@eq 0" "id:1,phase:1,nolog,pass,setvar:'tx.level=1'"
SecRule TX:level "@lt 2" "id:2,phase:2,nolog,pass,skipAfter:END-2"
SecRule ARGS "@contains x" "id:20,phase:2"
SecMarker "END-2"
SecRule ARGS "@contains x" "id:10,phase:2"
SecRule ARGS:up "@eq 1" "id:3,phase:2,nolog,setvar:tx.level=3"
SecRule TX:level "@lt 3" "id:4,phase:2,nolog,pass,skipAfter:END-3"
SecRule ARGS "@contains x" "id:30,phase:2"
SecMarker "END-3"`
  assert.deepEqual(idsOf(rules, { query: 'q=x' }), [10])
  assert.deepEqual(idsOf(rules, { query: 'q=x' }, { level: '2' }), [20, 10])
  assert.deepEqual(idsOf(rules, { query: 'q=x&up=1' }), [10, 30])
})

test('DET-1 a rule that only sets what nobody reads is not run, and one whose variable is read, is told of or may be named is', () => {
  const sets = (variable: string, reader = '') =>
    `SecRule ARGS "@unconditionalMatch" "id:1,phase:1,nolog,pass,t:none,setvar:'${variable}=%{MATCHED_VAR}'"\n${reader}`
  const ids = (variable: string, reader: string) => idsOf(sets(variable, reader), { query: 'q=x' })
  assert.deepEqual(judge(sets('tx.a_score'), { query: 'q=7' }).scores, { a_score: 7 })
  assert.deepEqual(ids('tx.a', 'SecRule TX:a "@streq x" "id:2,phase:2"'), [2])
  assert.deepEqual(ids('tx.a', 'SecRule TX:/^a/ "@streq x" "id:2,phase:2"'), [2])
  assert.deepEqual(ids('tx.a', 'SecRule &TX "@ge 1" "id:2,phase:2"'), [2])
  assert.deepEqual(ids('tx.a', 'SecRule ARGS "@rx ^%{tx.a}$" "id:2,phase:2"'), [2])
  assert.deepEqual(ids('tx.a', 'SecRule ARGS "@streq %{tx.a}" "id:2,phase:2"'), [2])
  assert.deepEqual(
    ids('tx.a', `SecAction "id:2,phase:1,nolog,setvar:'tx.b=%{tx.a}'"\nSecRule TX:b "@streq x" "id:3,phase:2"`),
    [3],
  )
  assert.deepEqual(ids('tx.%{ARGS.q}', 'SecRule TX:x "@streq x" "id:2,phase:2"'), [2])
  const { phases } = foldConstants(load(sets('tx.a', 'SecRule ARGS "@streq x" "id:2,phase:2"')).rules, {})
  assert.deepEqual(
    phases.flat().map((entry) => 'id' in entry && entry.id),
    [2],
  )
})

test('DET-1 transformations apply in their order, t:none takes back, multiMatch looks at each step', () => {
  const query = 'q=%253CSCRIPT%253E'
  assert.deepEqual(
    idsOf('SecRule ARGS "@rx ^<script>$" "id:1,phase:2,t:none,t:urlDecodeUni,t:lowercase"', { query }),
    [1],
  )
  assert.deepEqual(idsOf('SecRule ARGS "@rx <" "id:1,phase:2,t:urlDecodeUni,t:none"', { query }), [])
  const both = 'SecRule ARGS "@rx %3C|<" "id:1,phase:2,t:none,t:urlDecodeUni,multiMatch,setvar:tx.a_score=+1"'
  assert.deepEqual(judge(both, { query }).scores, { a_score: 2 })
  assert.deepEqual(idsOf('SecRule ARGS "@rx %3C" "id:1,phase:2,t:urlDecodeUni,multiMatch"', { query }), [1])
  assert.deepEqual(idsOf('SecRule ARGS "@gt 5" "id:1,phase:2,t:length"', { query }), [1])
})

test('DET-1 a rule that cannot be kept is told of with its place and why, and the others load', () => {
  const { problems, rules, responseRules } = load(`
SecRule ARGS "@rx (?>x)" "id:1,phase:2"
SecRule ARGS "@rx a" "id:2,phase:2,chain"
    SecRule ARGS "@geoLookup" "chain"
    SecRule ARGS "@rx c" ""
SecRule NOPE "@rx a" "id:3,phase:2"
SecRule ARGS "@rx a" "id:4,phase:2,t:nope"
SecRule ARGS "@rx a" "id:5,phase:2,frobnicate"
SecRule ARGS "@pmFromFile nope.data" "id:6,phase:2"
SecRule RESPONSE_BODY "@rx a" "id:7,phase:4,chain"
    SecRule RESPONSE_BODY "@rx b" ""
SecFrob on
SecRuleEngine On
SecRule ARGS "@rx a" "id:8,phase:2"`)
  assert.deepEqual(
    problems.map(({ line, id, reason }) => `${line} ${id} ${reason}`),
    [
      '2 1 the group (?>x…, at character 2',
      '4 2 the operator @geoLookup',
      '6 3 the variable NOPE',
      '7 4 the transformation t:nope',
      '8 5 the action frobnicate',
      '9 6 the file nope.data, which is not there',
      '12 0 the directive SecFrob',
    ],
  )
  assert.deepEqual([rules.map(({ id }) => id), responseRules], [[8], 1])
})

test('DET-1 what ends in the middle is told of where it begins, and what was cut off behind a backslash is read', () => {
  const told = (text: string) => {
    const { problems, rules } = load(text)
    return [rules.map(({ id }) => id), problems.map(ruleProblemText)]
  }
  const good = 'SecRule ARGS "@rx a" "id:1,phase:2"\n'
  const quote = 'a text whose quote does not end'
  assert.deepEqual(told(`${good}SecRule ARGS "@rx b" "id:2,phase:2`), [[1], [`test.conf:2: ${quote}`]])
  assert.deepEqual(told(`${good}SecRule ARGS "@rx b" \\\n "id:2,chain"\n SecRule ARGS "@rx c" "t:none`), [
    [1],
    [`test.conf:4: rule 2: ${quote}`],
  ])
  assert.deepEqual(told(`${good}SecRule ARGS "@rx b" "id:2,phase:2,chain"`), [
    [1],
    ['test.conf:2: rule 2: a chain whose last rule is not there'],
  ])
  assert.deepEqual(told('SecRule ARGS "@rx a" "id:1,phase:2"\\'), [[1], []])
})

test('DET-1 libinjection’s verdict on a text is one, whether it was asked for alone or with others', () => {
  const texts = [
    "1' or '1'='1",
    'plain text',
    '1 union select 1',
    'x'.repeat(9_000),
    `${'x'.repeat(5_000)} ' or 1=1 -- `,
  ]
  const alone = texts.map((text) => createInjection().sqli(text))
  const together = createInjection()
  together.prepare({ sqli: texts.slice(1, 2), xss: texts })
  together.prepare({ sqli: texts, xss: [] })
  assert.deepEqual(
    texts.map((text) => together.sqli(text)),
    alone,
  )
  assert.deepEqual(alone, [true, false, true, false, true])
})

test('DET-1 libinjection looks at the last of many texts, too, and takes none for harmless that it has not looked at', () => {
  const attack = "1' or '1'='1"
  const many = createInjection()
  for (const kind of ['sqli', 'xss'] as const)
    many.prepare({ sqli: [], xss: [], [kind]: [...Array.from({ length: 700 }, (_, i) => `plain text ${i}`), attack] })
  assert.equal(many.sqli(attack), true)
  assert.equal(createInjection().sqli(`${'\xff'.repeat(3_000)} ${attack}`), true)
})
