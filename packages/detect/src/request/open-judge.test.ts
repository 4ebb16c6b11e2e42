// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { readContext } from './context.ts'
import { type OpenedJudge, openJudge } from './open-judge.ts'
import { contextOfJson } from './wire/json-context.ts'

const coreRules = join(import.meta.dirname, '../../../../../shared/rules-samples/crs4')
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
    before(() => {
      judge = openJudge({ rules })
    })

    test('DET-1 every rule loads, and so does the model', () => {
      assert.deepEqual(judge.problems, [])
      assert.equal(judge.withoutModel, undefined)
      assert.match(judge.modelSha256 ?? '', /^[0-9a-f]{64}$/)
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

test('DET-1 an upload of an ordinary file is let through, whatever its part says of it, and what its name hides is not', () => {
  const { judge } = openJudge({})
  const scoreOf = (part: string) => {
    const body = `--b\r\nContent-Disposition: form-data; name="f"; ${part}\r\n\r\nhello\r\n--b--\r\n`
    const own = [...headers, ['Content-Type', 'multipart/form-data; boundary=b']] as [string, string][]
    return judge(contextOfJson({ method: 'POST', url: '/', headers: own, body, address: '192.0.2.1' }), 1n).score
  }
  for (const file of ['a.txt', 'photo-1.min.jpg', 'report_2026-11.pdf', 'archive.tar.gz'])
    for (const type of ['', '\r\nContent-Type: text/plain', '\r\nContent-Type: application/octet-stream'])
      assert.ok(scoreOf(`filename="${file}"${type}`) < 10, `${file} ${type}`)
  assert.ok(scoreOf('filename="../../../etc/passwd"') >= 50)
})

test('DET-1 what JSON escapes is read within a form, within a string, and in what is not parted', () => {
  const { judge } = openJudge({})
  const escaped = [...'<script>alert(1)</script>'].map((c) => `\\u00${c.charCodeAt(0).toString(16)}`).join('')
  const json = `{"q":"${escaped}"}`
  for (const [type, body] of [
    ['application/x-www-form-urlencoded', `data=${encodeURIComponent(json)}`],
    ['application/json', JSON.stringify({ data: json })],
    ['application/json', `${'['.repeat(70)}${json}`],
    ['application/x-ndjson', `{"a":1}\n${json}`],
  ] as const) {
    const own = [...headers, ['Content-Type', type]] as [string, string][]
    const context = contextOfJson({ method: 'POST', url: '/', headers: own, body, address: '192.0.2.1' })
    assert.equal(judge(context, 1n).threat, true, `${type} ${body}`)
  }
})

test('DET-1 of what is too large the ends are judged, the same each time, and what nobody looked at speaks against it', () => {
  const { judge } = openJudge({})
  const megabyte = 1024 * 1024
  const filled = (unit: string) => unit.repeat(megabyte / unit.length - 60)
  const form = [...headers, ['Content-Type', 'application/x-www-form-urlencoded']] as [string, string][]
  const base = { method: 'POST', path: '/', query: '', headers: form, address: '192.0.2.1' }
  const attack = 'q=%27+UNION+SELECT+password+FROM+users--'
  const larger = [
    { query: filled('a=it%27s&') },
    { path: filled('/a.b') },
    { headers: [...form, ['Cookie', filled("a=it's; ")]] as [string, string][] },
    { body: Buffer.from(filled('we=like+it&')) },
  ]
  for (const given of larger) {
    const context = readContext({ ...base, ...given })
    const verdict = judge(context, 1n)
    assert.deepEqual(judge(readContext({ ...base, ...given }), 1n), verdict)
    assert.ok(verdict.score > judge(readContext(base), 1n).score && !verdict.threat, JSON.stringify(verdict))
    assert.ok(verdict.detectors.cut.includes('signals'))
  }
  for (const given of [
    { query: `${filled('a=b&')}${attack}` },
    { body: Buffer.from(`${filled('a=b&')}${attack}`) },
    { body: Buffer.from(`${'a=b&'.repeat(20_000)}${attack}${'&a=b'.repeat(20_000)}`) },
  ])
    assert.ok(judge(readContext({ ...base, ...given }), 1n).threat, JSON.stringify(given).slice(0, 20))
})

const folder = mkdtempSync(join(tmpdir(), 'sealwatch-model-'))
after(() => rmSync(folder, { recursive: true }))
const released = join(import.meta.dirname, '../../model')
const graph = readFileSync(join(released, 'request.onnx'))
const otherWeight = Buffer.from(graph)
otherWeight[100_000] = (otherWeight[100_000] as number) ^ 1

for (const [name, file, code] of [
  ['truncated', graph.subarray(0, 100_000), 'MODEL_SHAPE'],
  ['of another shape', Buffer.concat([graph, graph]), 'MODEL_SHAPE'],
  ['larger than any of ours', Buffer.alloc(5 * 1024 * 1024), 'MODEL_SHAPE'],
  ['altered', otherWeight, 'MODEL_HASH'],
  ['absent', undefined, 'MODEL_UNREADABLE'],
] as const)
  test(`DET-1 where the model is ${name}, the others judge, and it is said why`, () => {
    copyFileSync(join(released, 'request.json'), join(folder, 'request.json'))
    rmSync(join(folder, 'request.onnx'), { force: true })
    if (file !== undefined) writeFileSync(join(folder, 'request.onnx'), file)
    const { withoutModel = '', modelSha256, judge } = openJudge({ model: folder })
    assert.ok(withoutModel.startsWith(code), withoutModel)
    assert.equal(modelSha256, undefined)
    const { threat, detectors } = judge(asked("1'; DROP TABLE users; --"), 1n)
    assert.equal(threat, true)
    assert.deepEqual(detectors.absent, ['model', 'reputation', 'behaviour'])
  })

describe('rules of a folder', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sealwatch-rules-'))
  after(() => rmSync(folder, { recursive: true }))
  const rule = (id: number, operator: string, more = '') =>
    `SecRule ARGS "${operator}" "id:${id},phase:2,deny${more}"\n`
  const openWith = (...rules: readonly string[]) => {
    writeFileSync(join(folder, 'a.conf'), rules.join(''))
    return openJudge({ rules: folder, onNotice: (text) => notices.push(text) })
  }
  const notices: string[] = []
  const basic = openJudge({})
  const told = ({ judge }: OpenedJudge, text: string) => {
    const { score, reasons } = judge(asked(text), 1n)
    return { score, ids: reasons.flatMap(({ id = [] }) => id) }
  }
  const climb = '../../../../etc/passwd'

  test('DET-1 one that asks another service is not run, and is no problem as a wrong one is', () => {
    const asking = [rule(2, '@rbl dnsbl.example'), rule(3, '@geoLookup'), rule(4, '@rbll dnsbl.example')]
    const { problems, notRun, ruleIds } = openWith(rule(1, '@rx x'), ...asking)
    const idsOf = (rules: typeof problems) => rules.map(({ id }) => id)
    assert.deepEqual([idsOf(problems), idsOf(notRun), [...ruleIds]], [[4], [2, 3], [...basic.ruleIds, '1']])
    assert.deepEqual(notices, [`a rule did not load: ${join(folder, 'a.conf')}:4: rule 4: the operator @rbll`])
  })

  test('DET-1 judge beside the basic ones, and what both say counts once', () => {
    const both = openWith(rule(1, '@rx passwd', ",severity:'WARNING'"))
    const byBasic = told(basic, climb)
    assert.deepEqual(told(both, climb), { ...byBasic, ids: [...byBasic.ids, '1'] })
    assert.deepEqual(told(openWith(rule(1, '@rx none')), climb), byBasic)
    assert.deepEqual(told(both, 'my passwd').ids, ['1'])
  })

  test('DET-1 take the place of basic ones that have their number, and may remove others', () => {
    const replaced = openWith(rule(7_000_320, '@rx shadow'))
    assert.equal(replaced.rules, basic.rules)
    assert.ok(
      told(basic, '/etc/passwd').ids.includes('7000320') && !told(replaced, '/etc/passwd').ids.includes('7000320'),
    )
    assert.deepEqual(told(replaced, 'my shadow').ids, ['7000320'])
    const removed = openWith('SecRuleRemoveById 7000320\n', rule(1, '@rx none'))
    assert.equal(removed.ruleIds.has('7000320'), false)
  })

  test('DET-1 that use up what a request may cost do not keep the basic ones from judging', () => {
    const steps = [
      'lowercase',
      'urlDecodeUni',
      'removeWhitespace',
      'htmlEntityDecode',
      'replaceComments',
      'cmdLine',
      'jsDecode',
    ]
    const chains = steps.flatMap((one) => steps.filter((other) => other !== one).map((other) => `,t:${one},t:${other}`))
    const both = openWith(...chains.map((chain, at) => rule(at + 1, '@rx zz', chain)))
    const prose = 'We moved to <b>4</b> & more; "see" /* it */ at 5% \\x41. '.repeat(400)
    const context = contextOfJson({
      method: 'POST',
      url: '/',
      address: '192.0.2.1',
      headers: [
        ['Content-Type', 'text/plain'],
        ['X', '1'],
      ],
      body: JSON.stringify({ q: `${prose}${climb}${prose}` }),
    })
    const { detectors, reasons } = both.judge(context, 1n)
    assert.deepEqual(detectors.cut, ['rules'])
    assert.ok(
      reasons.some(({ id }) => id === '7000310'),
      JSON.stringify(reasons),
    )
  })
})

test('DET-1 a folder without rules is refused', () => {
  assert.throws(() => openJudge({ rules: '/nonexistent' }), { code: 'REQUEST_RULES' })
  assert.throws(() => openJudge({ rules: import.meta.dirname }), { code: 'REQUEST_RULES' })
})

const attack = "1' UNION SELECT username, password FROM users-- -"
const pieces = (open: string, close: string) => [...attack].map((char) => `${open}${char}${close}`).join('')
const disposition = 'Content-Disposition: form-data; name="q"'
const inPart = (headers: string, content: string) =>
  [
    'multipart/form-data; boundary=xyzxyzxyz',
    `--xyzxyzxyz\r\n${headers}\r\n\r\n${content}\r\n--xyzxyzxyz--\r\n`,
  ] as const
const long = 'a '.repeat(3_100)
/** So that the whole is longer than what is read of a body. */
const filling = ' '.repeat(45_000)
const prose = 'We moved the meeting to four. '.repeat(150)

for (const [name, type, body] of [
  ['in a field that says it is base64', ...inPart(`${disposition}\r\nContent-Transfer-Encoding: base64`, attack)],
  ['behind prose in a file without a name', ...inPart(`${disposition}; filename=""`, prose + attack)],
  ['behind prose in a file whose name few read', ...inPart(`${disposition}; filename*=x`, prose + attack)],
  [
    'in a long field whose type has the name of a file',
    ...inPart(`${disposition}\r\nContent-Type: text/plain; filename=x`, long + attack + filling),
  ],
  [
    'in a long field that quotes the name of a file',
    ...inPart('Content-Disposition: form-data; x="; filename=y"; name="q"', long + attack + filling),
  ],
  ['in XML, by sections of one letter', 'application/xml', `<r><q>${pieces('<![CDATA[', ']]>')}</q></r>`],
  ['in XML, with comments between', 'application/xml', `<r><q>${pieces('', '<!---->')}</q></r>`],
  ['in XML, with instructions between', 'application/xml', `<r><q>${pieces('', '<?x?>')}</q></r>`],
] as const)
  test(`DET-1 an attack is found ${name}`, () => {
    const context = readContext({
      method: 'POST',
      path: '/a',
      query: '',
      headers: [['Content-Type', type]],
      body: Buffer.from(body),
      address: '192.0.2.1',
    })
    assert.equal(openJudge({}).judge(context, 0n).recommended_action, 'block')
  })

test('DET-1 of a body of which the beginning alone was handed over it is said that the rest is unseen, and not that it is malformed', () => {
  const [type, body] = inPart(`${disposition}; filename="a.bin"`, prose.repeat(20))
  const scoreOf = (length: number) => {
    const headers = [
      ['Content-Type', type],
      ['Content-Length', String(length)],
    ] as const
    const given = { method: 'POST', path: '/a', query: '', headers, address: '192.0.2.1' }
    return openJudge({}).judge(readContext({ ...given, body: Buffer.from(body).subarray(0, 40_000) }), 0n)
  }
  const part = scoreOf(body.length)
  assert.deepEqual(part.detectors.cut, ['signals'])
  assert.deepEqual(part.signals, [{ kind: 'oversize', where: 'REQUEST_BODY' }])
  assert.deepEqual(scoreOf(40_000).detectors.cut, [])
})

test('DET-1 an attack in a cookie is found among more headers than are looked at', () => {
  const some = (from: number) => Array.from({ length: 300 }, (_, at) => [`X-${from + at}`, 'v'] as const)
  const headers = [...some(0), ['Cookie', `q=${attack}`] as const, ...some(300)]
  const context = readContext({ method: 'GET', path: '/', query: '', headers, address: '192.0.2.1' })
  assert.equal(openJudge({}).judge(context, 0n).recommended_action, 'block')
})
