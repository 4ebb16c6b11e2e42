// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ruleLimits } from './limits.ts'
import { evaluate, evaluateEach, loadRules } from './ruleset.ts'

const launchType = 100_701

/** A rule over process starts with this detection. */
function rule(detection: string, head = ''): string {
  const body = detection.replaceAll('\n', '\n  ')
  const id = 'id: 00000000-0000-4000-8000-000000000001'
  const source = 'logsource:\n  product: linux\n  category: process_creation'
  return ['title: A rule', id, head, source, 'detection:', `  ${body}`].filter(Boolean).join('\n')
}
const selecting = (item: string) => rule(`selection:\n  ${item.replaceAll('\n', '\n  ')}\ncondition: selection`)

function load(text: string) {
  return loadRules([{ path: 'a.yml', text }])
}
function problemOf(text: string): string {
  const { problems } = load(text)
  assert.equal(problems.length, 1, text)
  return `line ${problems[0]?.line}: ${problems[0]?.error.message}`
}
type Process = Readonly<Record<string, unknown>>
function fires(text: string, process: Process, more: object = {}): boolean {
  const { ruleset, problems } = load(text)
  assert.deepEqual(problems, [])
  const event = { type_uid: launchType, process, ...more }
  return evaluate(ruleset, event).length > 0
}

const ping = { cmd_line: 'ping -c 3 10.1.2.3', file: { path: '/usr/bin/Ping' }, pid: 77 }

test('values compare as Sigma says', () => {
  const rows: [string, boolean][] = [
    ['Image: /usr/bin/ping', true],
    ['Image|cased: /usr/bin/ping', false],
    ['Image|cased: /usr/bin/Ping', true],
    ['Image: ping', false],
    ['Image: "*/ping"', true],
    ['Image: /usr/bin/p?ng', true],
    ['Image|endswith: /ping', true],
    ['Image|endswith|cased: /ping', false],
    ['Image|startswith: /USR/', true],
    ['Image|contains: bin', true],
    ['Image|contains:\n  - nothing\n  - BIN', true],
    ['CommandLine|contains|all:\n  - ping\n  - 10.1', true],
    ['CommandLine|contains|all:\n  - ping\n  - 10.2', false],
    ['CommandLine|re: -c \\d+', true],
    ['CommandLine|re: PING', false],
    ['CommandLine|re|i: PING', true],
    ['CommandLine|contains: "c*3"', true],
    ['CommandLine|contains: "c\\\\*3"', false],
    ['ProcessId: 77', true],
    ["ProcessId: '77'", true],
    ['ProcessId: 7', false],
    ['ProcessId|gt: 76', true],
    ['ProcessId|gte: 78', false],
    ['ProcessId|lt: 78', true],
    ['ProcessId|lte: 77', true],
    ['Image|lt: 5', false],
    ['Image|neq: /usr/bin/ping', false],
    ['Image|neq: /usr/bin/ls', true],
    ['CurrentDirectory: null', true],
    ['Image: null', false],
    ['CurrentDirectory|exists: false', true],
    ['Image|exists: true', true],
    ["CurrentDirectory: ''", false],
    ['Image|fieldref: Image', true],
    ['Image|fieldref: CommandLine', false],
    ['CommandLine|base64: x', false],
    ['CommandLine|windash|contains: " /c 3"', true],
  ]
  for (const [item, expected] of rows) assert.equal(fires(selecting(item), ping), expected, item)
})

test('encoded values are found in encoded text, at any of the three offsets', () => {
  const encoded = (text: string) => ({ cmd_line: `echo ${Buffer.from(text).toString('base64')}` })
  const whole = selecting('CommandLine|base64|contains: /bin/sh')
  const part = selecting('CommandLine|base64offset|contains: /bin/sh')
  assert.equal(fires(whole, encoded('/bin/sh')), true)
  for (const text of ['/bin/sh -i', 'x /bin/sh', 'xy/bin/sh', 'xyz/bin/sh;'])
    assert.equal(fires(part, encoded(text)), true)
  assert.equal(fires(part, encoded('/bin/ls')), false)
})

test('addresses lie in networks', () => {
  const text = (network: string) => selecting(`CommandLine|cidr: ${network}`)
  assert.equal(fires(text('10.0.0.0/8'), { cmd_line: '10.1.2.3' }), true)
  assert.equal(fires(text('10.0.0.0/16'), { cmd_line: '10.1.2.3' }), false)
  assert.equal(fires(text('fd00::/8'), { cmd_line: 'fd12::1' }), true)
  assert.equal(fires(text('10.0.0.0/8'), { cmd_line: 'no address' }), false)
})

test('an attribute of many values matches by any of them', () => {
  const more = { actor: { process: { ancestry: [{ path: '/usr/bin/bash' }, { path: '/usr/sbin/sshd' }] } } }
  assert.equal(fires(selecting('AncestorImage: /usr/sbin/sshd'), {}, more), true)
  assert.equal(fires(selecting('AncestorImage: /usr/bin/zsh'), {}, more), false)
})

test('a match says why: selection, field, place and value; of a list of maps, the one that matched', () => {
  const detection =
    'any:\n  - Image: /nothing\n  - CommandLine|contains: -c\n    ProcessId: 77\nnone:\n  Image: /x\ncondition: any and not none'
  const { ruleset } = load(rule(detection))
  const [match] = evaluate(ruleset, { type_uid: launchType, process: ping } as { type_uid: number })
  assert.deepEqual(match?.reasons, [
    { selection: 'any', field: 'CommandLine', attribute: '/event/process/cmd_line', value: ping.cmd_line },
    { selection: 'any', field: 'ProcessId', attribute: '/event/process/pid', value: 77 },
  ])
})

test('several conditions are alternatives', () => {
  const text = rule('one:\n  Image: /x\ntwo:\n  ProcessId: 77\ncondition:\n  - one\n  - two')
  assert.equal(fires(text, ping), true)
})

test('events of other kinds never reach a rule', () => {
  const { ruleset } = load(selecting("Image: '*'"))
  assert.deepEqual(evaluate(ruleset, { type_uid: 100_702, process: ping } as { type_uid: number }), [])
  assert.equal(ruleset.byType.size, 1)
})

test('DET-2 keywords search what somebody typed and the files it is about; where no text is collected they never fire', () => {
  const typed = rule('keywords:\n  - "-C 3"\n  - "n?thing"\ncondition: keywords')
  assert.deepEqual([fires(typed, ping), fires(typed, { cmd_line: 'ping -d 3' })], [true, false])
  const both = rule("keywords:\n  '|all':\n    - ping\n    - '10.1'\ncondition: keywords")
  assert.deepEqual([fires(both, ping), fires(both, { cmd_line: 'ping' })], [true, false])
  assert.equal(fires(rule("keywords:\n  '|re': '-c \\d'\ncondition: keywords"), ping), true)
  const log = rule('keywords:\n  - "history -c"\ncondition: keywords').replace(
    'category: process_creation',
    'service: auth',
  )
  const { ruleset, notices } = load(log)
  assert.match(notices[0]?.text ?? '', /not collected/)
  assert.equal(ruleset.byType.size, 0)
})

test('a mistake is told with file, line, and what to write instead', () => {
  const rows: [string, RegExp][] = [
    [selecting('Image|endwith: x'), /line 8: RULE_MODIFIER while reading a.yml, line 8.*endwith is no.*Write endswith/],
    [selecting('Image|contains|startswith: x'), /RULE_MODIFIER.*contains and \|startswith contradict/],
    [selecting('Image|i: x'), /RULE_MODIFIER.*flag of \|re/],
    [selecting("Image|expand: '%none%'"), /line 8: RULE_PLACEHOLDER.*%none% has no values.*placeholders:/],
    [selecting('EventTime|hour|contains: 5'), /RULE_MODIFIER.*hour does not go with \|contains/],
    [selecting(`Image|${'base64offset|'.repeat(19)}base64offset: x`), /line 8: RULE_MODIFIER.*at most 3 times/],
    [selecting('EventTime|hour|day: 5'), /RULE_MODIFIER.*hour does not go with \|day/],
    [selecting("EventTime|hour: '5'"), /RULE_VALUE.*Write a number/],
    [selecting('Image: x').replace(/^title/m, 'action: global\ntitle'), /line 1: RULE_SHAPE.*of Sigma 1/],
    [selecting('Image|re|base64: x'), /RULE_MODIFIER.*does not go with/],
    [selecting('Imagee: x'), /line 8: RULE_FIELD.*Imagee.*Write Image/],
    [selecting('Nonsense: x'), /RULE_FIELD.*There is EventTime/],
    [selecting('Image|re: "(?=x)"'), /line 8: RULE_REGEX.*linear/],
    [selecting('Image|exists: maybe'), /RULE_VALUE.*true or false/],
    [selecting('Image|gt: x'), /RULE_VALUE.*Write a number/],
    [selecting('Image|cidr: 10.0.0.0/99'), /RULE_VALUE.*no network/],
    [selecting('Image|re: 5'), /RULE_VALUE.*in quotes/],
    [selecting('Image|contains: null'), /RULE_VALUE.*null/],
    [selecting('Image: []'), /RULE_VALUE.*Write a value/],
    [selecting('Image:\n  deep: x'), /RULE_VALUE.*Write text/],
    [rule('selection:\n  Image: x'), /RULE_CONDITION.*Add "condition/],
    [
      rule('selection:\n  Image: x\ncondition: selektion'),
      /line 9: RULE_CONDITION.*no selection selektion.*There is selection/,
    ],
    [rule('selection:\n  Image: x\ncondition: 5'), /RULE_CONDITION/],
    [rule('selection:\n  Image: x\ntimeframe: 5m\ncondition: selection'), /RULE_CONDITION.*correlation/],
    [rule('condition: selection'), /RULE_SHAPE.*Add a selection/],
    [rule('selection: x\ncondition: selection'), /RULE_SHAPE.*fields with values/],
    [rule('selection: {}\ncondition: selection'), /RULE_SHAPE.*Name a field/],
    [rule('selection:\n  - a\n  - Image: x\ncondition: selection'), /RULE_SHAPE.*not both/],
    [rule('selection:\n  Image: x\ncondition: selection', 'levle: high'), /line 3: RULE_UNKNOWN_MEMBER.*Write level/],
    [rule('selection:\n  Image: x\ncondition: selection', 'level: hihg'), /RULE_SHAPE.*hihg.*informational, low/],
    [selecting('Image: x').replace(/^id.*$/m, 'id: 7f'), /RULE_SHAPE.*7f.*UUID/],
    [selecting('Image: x').replace(/^id.*$/m, ''), /RULE_SHAPE.*findings are numbered/],
    [selecting('Image: x').replace(/^title.*$/m, 'title: 5'), /RULE_SHAPE.*title as text/],
    [selecting('Image: x').replace(/^logsource:\n.*\n.*$/m, ''), /RULE_SHAPE.*Add logsource/],
    ['[]', /RULE_SHAPE.*Write a Sigma rule/],
    ['', /RULE_YAML.*nothing/],
    ['a: [', /RULE_YAML while reading a.yml, line 1/],
    ['a: 1\na: 2', /line 2: RULE_YAML.*line 2/],
  ]
  for (const [text, message] of rows) assert.match(problemOf(text), message, text)
})

test('a bad file is left out and the others go on; an id serves once', () => {
  const good = selecting('Image: x')
  const { ruleset, problems } = loadRules([
    { path: 'bad.yml', text: 'a: [' },
    { path: 'good.yml', text: good },
    { path: 'twin.yml', text: good },
  ])
  assert.deepEqual(
    [ruleset.rules.map(({ path }) => path), problems.map(({ path }) => path)],
    [['good.yml'], ['bad.yml', 'twin.yml']],
  )
  assert.match(problems[1]?.error.message ?? '', /RULE_DUPLICATE.*good\.yml/)
})

test('DET-2 a file may hold several documents: one that is wrong is named by its line and leaves the others', () => {
  const other = selecting('Image: y').replace('0001', '0002')
  const { ruleset, problems } = load(
    ['---', selecting('Image: x'), '---', 'a: [', '---', other, '---', 'a: 1', '...', ''].join('\n'),
  )
  assert.deepEqual(
    ruleset.rules.map(({ id }) => id.slice(-1)),
    ['1', '2'],
  )
  assert.deepEqual(
    problems.map(({ line, error }) => `${line}: ${error.code}`),
    ['13: RULE_YAML', '24: RULE_SHAPE'],
  )
  assert.match(problemOf('a: 1\n---\n'.repeat(ruleLimits.documentsMax + 1)), /RULE_TOO_MANY.*documents/)
})

test('DET-2 a rule without an id is known by its name, and both serve once', () => {
  const named = selecting('Image: x').replace(/^id.*$/m, 'name: one')
  const { ruleset, problems } = loadRules([
    { path: 'a.yml', text: named },
    { path: 'b.yml', text: named },
    { path: 'c.yml', text: selecting('Image: x').replace(/^id/m, 'name: one\nid') },
  ])
  assert.deepEqual(
    ruleset.rules.map(({ id, path }) => [id, path]),
    [['one', 'a.yml']],
  )
  assert.deepEqual(
    problems.map(({ path, error }) => [path, error.code]),
    [
      ['b.yml', 'RULE_DUPLICATE'],
      ['c.yml', 'RULE_DUPLICATE'],
    ],
  )
})

test('DET-2 placeholders are replaced by every combination of their values, which come from documents or with the call', () => {
  const text = selecting("Image|expand|endswith:\n  - '/%tool%%suffix%'\n  - '\\%tool%suffix%'")
  const given = 'placeholders:\n  tool: [nc, ncat]\n  suffix: ["", "?"]'
  const { ruleset, problems } = loadRules([
    { path: 'a.yml', text },
    { path: 'b.yml', text: given },
  ])
  assert.deepEqual(problems, [])
  const fired = (path: string) =>
    evaluate(ruleset, { type_uid: launchType, process: { file: { path } } } as never).length
  assert.deepEqual(['/bin/nc', '/bin/ncat6', '/bin/cat', '%tool', '%toolx', 'tool'].map(fired), [1, 1, 0, 1, 1, 0])
  assert.equal(loadRules([{ path: 'a.yml', text }], { tool: ['nc'], suffix: ['x'] }).problems.length, 0)
  const many = {
    tool: Array.from({ length: 70 }, (_, i) => `t${i}`),
    suffix: Array.from({ length: 70 }, (_, i) => `s${i}`),
  }
  assert.match(loadRules([{ path: 'a.yml', text }], many).problems[0]?.error.message ?? '', /4900 values of 4096/)
})

test('DET-2 what placeholders make of the texts of a rule, and of all rules, has a maximum length, which is kept before it is made', () => {
  const asked = (values: string, id = '0001') => selecting(`CommandLine|expand: [${values}]`).replace('0001', id)
  const refused = (files: readonly string[], placeholders: Record<string, readonly string[]>) =>
    loadRules(
      files.map((text, at) => ({ path: `${at}.yml`, text })),
      placeholders,
    ).problems.map(({ path, line, error }) => `${path}, line ${line}: ${error.code} ${error.message}`)
  const long = { a: ['x'.repeat(20_000)], b: Array.from({ length: 4_000 }, () => ''), none: [''] }
  const tooMany = /^0\.yml, line 8: RULE_TOO_MANY.*more than 262144 characters of the rule.*shorter values/
  // One text that is long, several that are, and many short ones by many steps.
  for (const values of [
    `"${'%a%'.repeat(8_000)}"`,
    Array.from({ length: 14 }, () => '"%a%"').join(),
    `"%b%${'%none%'.repeat(8_000)}"`,
  ])
    assert.match(refused([asked(values)], long).join(), tooMany, values.slice(0, 20))
  assert.deepEqual(refused([asked('"%a%%a%"')], long), [])
  assert.match(refused([asked('"%b%%b%"')], long).join(), /16000000 values of 4096/)
  const inAll = Array.from({ length: 18 }, (_, at) => asked(Array(12).fill('"%a%"').join(), `00${10 + at}`))
  assert.match(refused(inAll, long).join(), /^17\.yml, line 8: RULE_TOO_MANY.*4194304 characters of all rules together/)
})

test('DET-2 UTF-16 comes before other encodings, and parts of a time are numbers in UTC', () => {
  const utf16 = (text: string, mark = '') => Buffer.from(mark + text, 'utf16le')
  const commands: [string, string, boolean][] = [
    ['wide|base64offset|contains', utf16('xx/bin/sh -i').toString('base64'), true],
    ['utf16le|base64offset|contains', utf16('/bin/sh').toString('base64'), true],
    ['utf16|base64|contains', utf16('/bin/sh', '\ufeff').toString('base64'), true],
    ['utf16be|base64|contains', utf16('/bin/sh').swap16().toString('base64'), true],
    ['utf16be|base64|contains', utf16('/bin/sh').toString('base64'), false],
    ['wide|contains', utf16('a/bin/sh').toString('latin1'), true],
    ['base64offset|contains', utf16('/bin/sh').toString('base64'), false],
    ['windash|contains', '/bin/sh', true],
  ]
  for (const [modifiers, cmd_line, expected] of commands)
    assert.equal(fires(selecting(`CommandLine|${modifiers}: /bin/sh`), { cmd_line }), expected, modifiers)
  assert.equal(fires(selecting("CommandLine|windash: '* -x ?'"), { cmd_line: 'a /x b' }), true)
  const time = Date.parse('2027-01-03T23:59:30.5Z')
  const parts: [string, boolean][] = [
    ['minute: 59', true],
    ['hour: 23', true],
    ['hour|gte: 23', true],
    ['hour|lt: 23', false],
    ['hour|neq: 23', false],
    ['hour:\n  - 1\n  - 23', true],
    ['day: 3', true],
    // The first Thursday of 2027 is the 7th: a Sunday before it is still in the last week of 2026.
    ['week: 53', true],
    ['month: 1', true],
    ['year: 2027', true],
    ['year: 2026', false],
  ]
  for (const [item, expected] of parts)
    assert.equal(fires(selecting(`EventTime|${item}`), {}, { time }), expected, item)
  assert.equal(fires(selecting('Image|day: 3'), { file: { path: '2027-01-03T23:59:30+05:00' } }), true)
  assert.equal(fires(selecting('Image|day|gte: 0'), { file: { path: 'no time' } }), false)
})

test('DET-2 a filter asks rules for more: those it names, or all of its log source', () => {
  const filter = (head: string, condition = 'not selection') =>
    `title: Not ours\nlogsource:\n  product: linux\n  category: process_creation\nfilter:\n  ${head}\n  selection:\n    User: backup\n  condition: ${condition}`
  const files = (text: string) => [
    { path: 'a.yml', text: selecting('Image: /usr/bin/ping') },
    { path: 'f.yml', text },
  ]
  const firesFor = (name: string, text: string) => {
    const { ruleset, problems } = loadRules(files(text))
    assert.deepEqual(problems, [])
    return evaluate(ruleset, { type_uid: launchType, process: ping, actor: { user: { name } } } as never).length === 1
  }
  for (const head of ['rules: [00000000-0000-4000-8000-000000000001]', 'rules: any', 'rules: []'])
    assert.deepEqual([firesFor('backup', filter(head)), firesFor('root', filter(head))], [false, true], head)
  const { notices, ruleset } = loadRules(files(filter('rules: [other]')))
  assert.deepEqual(notices, [{ path: 'f.yml', text: 'it filters no rule that is loaded' }])
  assert.equal(ruleset.rules.length, 1)
  assert.equal(loadRules(files(filter('rules: any').replace('process_creation', 'file_event'))).notices.length, 1)
  const wrong: [string, RegExp][] = [
    [filter('rulez: any'), /line 6: RULE_SHAPE.*Add "rules:"/],
    [filter('rules: any').replace('User:', 'Usr:'), /line 8: RULE_FIELD while reading f.yml.*Write User/],
    [filter('rules: any', 'nobody'), /line 9: RULE_CONDITION/],
  ]
  for (const [text, message] of wrong) {
    const { problems, ruleset } = loadRules(files(text))
    assert.match(`line ${problems[0]?.line}: ${problems[0]?.error.message}`, message)
    assert.equal(ruleset.rules.length, 1)
  }
})

test('DET-2 the records of auditd are asked of the events that stand for them', () => {
  const audit = (detection: string) => rule(detection).replace('category: process_creation', 'service: auditd')
  const event = {
    type_uid: launchType,
    process: { cmd_line: 'chmod u+s /tmp/x y' },
    unmapped: { site: 'exec', filename: '/bin/chmod' },
    actor: { process: { name: 'chmod', euid: 33, file: { path: '/usr/bin/chmod' } } },
  }
  const file = { type_uid: 100_102, file: { path: '/etc/audit/rules.d' } }
  const rows: [string, object, boolean][] = [
    ['a:\n  type: EXECVE\n  a0: chmod\n  a1: u+s\ncondition: a', event, true],
    ['a:\n  type: execve\n  a0|endswith: mod\n  a3: Y\ncondition: a', event, true],
    ['a:\n  type: EXECVE\n  a1: chmod\ncondition: a', event, false],
    ['a:\n  type: EXECVE\n  a4: "*"\ncondition: a', event, false],
    [
      'a:\n  type: SYSCALL\n  SYSCALL: execve\n  euid: 33\n  exe: /usr/bin/chmod\n  comm: chmod\ncondition: a',
      event,
      true,
    ],
    ['a:\n  type: PATH\n  name: /bin/ch*\ncondition: a', event, true],
    ['a:\n  type: PATH\n  name: /etc/audit/*\ncondition: a', file, true],
    ['a:\n  type: EXECVE\n  name: /etc/audit/*\ncondition: a', file, false],
    ['a:\n  type: EXECVE\nk:\n  - u+s\ncondition: a and k', event, true],
    ['a:\n  type: SERVICE_STOP\n  unit: ufw\ncondition: a', event, false],
  ]
  for (const [detection, one, expected] of rows) {
    const { ruleset, problems } = load(audit(detection))
    assert.deepEqual(problems, [])
    assert.equal(evaluate(ruleset, one as never).length === 1, expected, detection)
    assert.equal(evaluateEach(ruleset, one as never).length === 1, expected, detection)
  }
})

test('DET-2 what auditd’s record or call cannot be is no reason to try a rule', () => {
  const detections = [
    'a:\n  type: PATH\n  name: /x\nb:\n  type: TTY\ncondition: a or b',
    'a:\n  type: PATH\n  name|contains: /.\ncondition: a',
    'a:\n  SYSCALL: syslog\n  a0: 4\ncondition: a',
  ]
  for (const detection of detections) {
    const { ruleset } = load(rule(detection).replace('category: process_creation', 'service: auditd'))
    assert.equal(ruleset.candidates.get(launchType)?.(() => undefined).length, 0, detection)
    const needed = ruleset.rules[0]?.needs[0]?.map(({ attribute }) => attribute.path.join('/')) ?? []
    assert(needed.length > 0 && !needed.includes('type_uid') && !needed.includes('unmapped/site'), needed.join())
  }
})

test('DET-2 a report says of each rule which of its fields our events have, and whether it can fire at all', () => {
  const one = (detection: string, source = 'category: process_creation') => {
    const { reports, notices } = load(rule(detection).replace('category: process_creation', source))
    const [{ fires, supplied, missing } = {}] = reports
    return [fires, supplied, missing, notices.map(({ text }) => text)]
  }
  assert.deepEqual(one('a:\n  Image: x\ncondition: a'), ['whole', ['Image'], [], []])
  assert.deepEqual(one('a:\n  Image: x\nb:\n  md5: x\ncondition: a or b'), ['in part', ['Image'], ['md5'], []])
  const never = 'no event here has md5, so it never fires'
  assert.deepEqual(one('a:\n  Image: x\n  md5: x\ncondition: a'), ['never', ['Image'], ['md5'], [never]])
  const elsewhere = 'its log source is not collected here, so it never fires'
  assert.deepEqual(one('k:\n  - x\ncondition: k', 'service: sshd'), ['never', [], ['keywords'], [elsewhere]])
  assert.deepEqual(one('a:\n  type: EXECVE\n  key: x\ncondition: a', 'service: auditd').slice(0, 3), [
    'never',
    ['type'],
    ['key'],
  ])
})

test('a selection that nobody looks at is noticed', () => {
  const { notices } = load(rule('selection:\n  Image: x\nspare:\n  Image: y\ncondition: selection'))
  const about = { path: 'a.yml', line: 1, rule: '00000000-0000-4000-8000-000000000001' }
  assert.deepEqual(notices, [{ ...about, text: 'the condition never looks at the selection spare' }])
})

test('hostile files are refused and cost little', () => {
  const bomb = [
    'a: &a [x,x]',
    ...'bcdefgh'.split('').map((name, index) => `${name}: &${name} [${`*${'abcdefgh'[index]},`.repeat(9)}]`),
  ]
  const rows: [string, RegExp][] = [
    ['x'.repeat(1024 * 1024), /RULE_TOO_LARGE.*1048576/],
    [bomb.join('\n'), /RULE_YAML.*alias/],
    ['['.repeat(60_000), /RULE_YAML/],
    [`a: ${'{a: '.repeat(10_000)}`, /RULE_YAML/],
    [`title: x\n${'? '.repeat(250)}a`, /line 2: RULE_YAML.*a key that is no text.*Write keys as texts/],
    [`- title: x\n  ${'? '.repeat(250)}a`, /line 2: RULE_YAML.*a key that is no text/],
    [`title: x\nof:\n  a: ${'['.repeat(33)}${']'.repeat(33)}`, /line 3: RULE_YAML.*nesting deeper than 32/],
    ['a: &a x\nb: *a', /line 2: RULE_YAML.*an alias/],
    ['a: &a x\n*a : y', /line 2: RULE_YAML.*a key that is no text/],
    [
      rule(`${Array.from({ length: 100 }, (_, index) => `s${index}:\n  Image: x`).join('\n')}\ncondition: s1`),
      /RULE_TOO_MANY/,
    ],
    [selecting(`Image: [${'x,'.repeat(ruleLimits.valuesMax + 1)}]`), /RULE_TOO_MANY/],
    [selecting('__proto__: x'), /RULE_FIELD/],
    [selecting('Image|constructor: x'), /RULE_MODIFIER/],
    [rule('__proto__:\n  Image: x\ncondition: toString'), /RULE_CONDITION/],
  ]
  for (const [text, message] of rows) assert.match(problemOf(text), message, text.slice(0, 60))
})

test('DET-2 beside hostile files every other rule works, and each of them is named by path and line', () => {
  const deep = (depth: number) => `${'('.repeat(depth)}selection${')'.repeat(depth)}`
  const asked = (condition: string) => rule(`selection:\n  Image: x\ncondition: ${condition}`)
  const many = (count: number) => Array.from({ length: count }, (_, i) => `v${i}`).join(', ')
  const hostile: [string, number, RegExp][] = [
    [`a: &a [${'x,'.repeat(99)}]\nb: [${'*a,'.repeat(99)}]`, 2, /RULE_YAML.*alias/],
    [selecting(`Image: [${many(10_000)}]`), 8, /RULE_TOO_MANY|RULE_TOO_LARGE/],
    [selecting(`Image: [${many(ruleLimits.valuesMax + 1)}]`), 8, /RULE_TOO_MANY.*4097 values of 4096/],
    [asked(deep(ruleLimits.conditionDepthMax + 1)), 9, /RULE_CONDITION.*nested deeper than 32/],
    [asked(`${'not '.repeat(1_000)}selection`), 9, /RULE_CONDITION.*nested deeper/],
    [asked(Array(600).fill('selection').join(' or ')), 9, /RULE_CONDITION.*longer than 4096/],
    [selecting("CommandLine|re: '(a{100}){100}'"), 8, /RULE_REGEX.*states/],
    [selecting("CommandLine|re: '(a+)+(?=b)'"), 8, /RULE_REGEX.*linear/],
    [`${'k: {'.repeat(15_000)}`, 1, /RULE_YAML/],
    [
      Array.from({ length: 20_000 }, (_, i) => `k: ${i}`)
        .join('\n')
        .slice(0, ruleLimits.fileUnitsMax),
      2,
      /RULE_YAML.*k twice/,
    ],
  ]
  const files = hostile.map(([text], i) => ({ path: `hostile/${i}.yml`, text }))
  const catastrophic = selecting("CommandLine|re: '^(a+)+$'")
  const good = [
    { path: 'good.yml', text: catastrophic },
    { path: 'deep.yml', text: asked(deep(ruleLimits.conditionDepthMax)).replace('0001', '0002') },
    { path: 'long.yml', text: selecting(`Image: [${many(ruleLimits.valuesMax)}]`).replace('0001', '0003') },
  ]
  const { ruleset, problems } = loadRules([...files, ...good])
  assert.deepEqual(
    ruleset.rules.map(({ path }) => path),
    ['good.yml', 'deep.yml', 'long.yml'],
  )
  for (const [i, [, line, message]] of hostile.entries()) {
    const problem = problems.find(({ path }) => path === `hostile/${i}.yml`)
    assert.match(problem?.error.message ?? '', message, `${i}`)
    if (problem?.error.code !== 'RULE_TOO_LARGE') assert.equal(problem?.line, line, `${i}`)
  }
  const firing = (process: Process) =>
    evaluate(ruleset, { type_uid: launchType, process } as { type_uid: number }).map(({ rule: { path } }) => path)
  assert.deepEqual(firing({ cmd_line: `${'a'.repeat(30_000)}b` }), [])
  assert.deepEqual(firing({ cmd_line: 'aaa', file: { path: 'v4095' } }), ['good.yml', 'long.yml'])
})

test('any file is loaded or named as a problem, never anything else', () => {
  const word = fc.constantFrom(
    'title: x\n',
    'detection:\n',
    '  s:\n',
    '    Image|re: "("\n',
    '  condition: ',
    's',
    '- ',
    '{',
    '*a',
    '|',
    '\t',
    '"',
    '!!js ',
    '\n---\n',
  )
  fc.assert(
    fc.property(fc.array(word, { maxLength: 30 }), (words) => {
      const { ruleset, problems } = load(words.join(''))
      assert(ruleset.rules.length + problems.length > 0)
    }),
  )
})

test('any event is judged without an exception', () => {
  const texts = [
    'Image|endswith: x',
    'CommandLine|re: (a|b)*c',
    'ProcessId|gt: 1',
    'User|contains: r',
    'ImageIsMemfd: true',
  ]
  const { ruleset } = loadRules(
    texts.map((item, index) => ({ path: `${index}.yml`, text: selecting(item).replace('0001', `000${index}`) })),
  )
  const process = fc.object({
    key: fc.constantFrom('file', 'path', 'cmd_line', 'pid', 'xattributes', 'memfd', '__proto__'),
  })
  fc.assert(
    fc.property(process, fc.anything(), (inner, actor) => {
      assert(Array.isArray(evaluate(ruleset, { type_uid: launchType, process: inner, actor } as { type_uid: number })))
    }),
  )
})
