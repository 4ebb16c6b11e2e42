// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { entries, entryOf, filters } from '../../test/filters.ts'
import {
  type Filter,
  filterBounds,
  filterMatch,
  filterProblemText,
  needsLine,
  parseFilter,
  printFilter,
  pushNotDown,
} from './index.ts'

function read(text: string): Filter {
  const parsed = parseFilter(text)
  if ('problem' in parsed) assert.fail(`${text}: ${filterProblemText(parsed.problem)}`)
  return parsed.filter
}

function refused(text: string): string {
  const parsed = parseFilter(text)
  assert.ok('problem' in parsed, `${text.slice(0, 60)} was taken`)
  return filterProblemText(parsed.problem)
}

test('filter.md 4: a filter is printed in one form, whatever it was written like', () => {
  for (const [text, canonical] of [
    ['severity>=high', 'severity>=high'],
    ['  SEVERITY >= High ', 'severity>=high'],
    ['class=1007', 'class=process'],
    ['class=kernelExtension', 'class=kernel_extension'],
    ['activity=setUserId', 'activity=set_user_id'],
    ['class = "process"', 'class=process'],
    ['class=4242', 'class=4242'],
    ['severity in (5, critical)', 'severity=critical'],
    ['a', undefined],
    ['(class=process and (kind=event)) and leaf<7', 'class=process and kind=event and leaf<7'],
    ['class=process or class=file and leaf<7', 'class=process or class=file and leaf<7'],
    ['(class=process or class=file) and leaf<7', '(class=process or class=file) and leaf<7'],
    ['not (class=file)', 'not class=file'],
    ['not not class=file', 'not not class=file'],
    ['not (class=file or leaf=1)', 'not (class=file or leaf=1)'],
    ['time>=2026-01-01T02:00:00+02:00', 'time>=2026-01-01T00:00:00Z'],
    ['time<2026-01-01t00:00:00.0009z', 'time<2026-01-01T00:00:00Z'],
    ['time<2026-01-01T00:00:00.5Z', 'time<2026-01-01T00:00:00.500Z'],
    ['text ~ "rm -rf \\"/\\""', 'text~"rm -rf \\"/\\""'],
    ['host="and"', 'host="and"'],
    ['host=web-1.example', 'host=web-1.example'],
    [
      'severity>=high and class=process and (time>=2026-01-01T00:00:00Z or activity in (launch, open)) and not class=finding',
      'severity>=high and class=process and (time>=2026-01-01T00:00:00Z or activity in (launch, open)) and not class=finding',
    ],
  ] as const) {
    if (canonical === undefined) refused(text)
    else assert.equal(printFilter(read(text)), canonical)
  }
})

test('filter.md 4.2: what is printed reads back as the same filter', () => {
  fc.assert(
    fc.property(filters, (filter) => {
      const printed = printFilter(filter)
      assert.deepEqual(read(printed), filter)
      assert.equal(printFilter(read(printed)), printed)
    }),
    { numRuns: 2_000 },
  )
})

test('filter.md 3: what is wrong is said with its place, what was due, and what was meant', () => {
  for (const [text, problem] of [
    [
      '',
      'expected a field (class, activity, severity, time, kind, leaf, source, host, text), not or a bracket at character 1, received the end',
    ],
    ['colour=red', /^expected a field .* at character 1, received colour$/],
    ['class=process and serverity>=high', /at character 19, received serverity; did you mean severity\?$/],
    [
      'class=proces',
      /^expected file, kernel_extension, kernel, memory, process, .* for class at character 7, received proces; did you mean process\?$/,
    ],
    ['severity==high', 'expected a value of severity at character 10, received =; did you mean a single =?'],
    ['class>process', 'expected an operator of class (= != in) at character 6, received >; did you mean =?'],
    ['text=x', 'expected an operator of text (~) at character 5, received =; did you mean ~?'],
    ['severity high', /^expected an operator of severity/],
    [
      'class=file && leaf=1',
      'expected a field, a value or an operator at character 12, received & (U+0026); did you mean and?',
    ],
    ['class=file leaf=1', 'expected and, or, or the end at character 12, received leaf; did you mean and?'],
    ['class=file)', 'expected and, or, or the end at character 11, received )'],
    ['(class=file', 'expected and, or, or a closing bracket at character 12, received the end'],
    ['class in file', 'expected a bracket and the values at character 10, received file; did you mean class in (…)?'],
    ['class in ()', 'expected a value of class at character 11, received )'],
    ['class in (file,', 'expected a value of class at character 16, received the end'],
    ['class in (file process)', 'expected a comma or a closing bracket at character 16, received process'],
    ['host=or', 'expected a value of host at character 6, received or; did you mean "or"?'],
    ['time>yesterday', 'expected a time as 2026-01-31T12:00:00Z for time at character 6, received yesterday'],
    ['time>2026-02-30T00:00:00Z', /^expected a time/],
    ['time>1969-12-31T23:59:59Z', /^expected a time/],
    ['leaf=01', 'expected a whole number for leaf at character 6, received 01'],
    ['leaf=-1', /^expected a whole number/],
    ['leaf=9007199254740992', /^expected a whole number/],
    ['host=""', 'expected a text that is not empty for host at character 6, received '],
    ['host="a', 'expected a closing quote at character 8, received the end'],
    ['host="a\\n"', 'expected \\" or \\\\ within quotes at character 8, received \\n; did you mean \\\\?'],
    ['host="a\u202eb"', 'expected a visible character at character 8, received U+202E'],
    ['host="\ud800"', 'expected a visible character at character 7, received U+D800'],
    // Look-alikes: a Cyrillic letter, and quotes of another kind.
    ['сlass=file', /at character 1, received с \(U\+0441\)$/],
    [
      'host=“web”',
      'expected a field, a value or an operator at character 6, received “ (U+201C); did you mean straight double quotes?',
    ],
    ['not', /at character 4, received the end$/],
  ] as const) {
    const said = refused(text)
    if (typeof problem === 'string') assert.equal(said, problem)
    else assert.match(said, problem)
  }
})

test('filter.md 2: each limit is met and named', () => {
  const ids = (count: number) => `leaf in (${Array.from({ length: count }, (_, i) => i % 10).join(',')})`
  read(ids(1_000))
  assert.equal(refused(ids(1_001)).slice(0, 34), 'expected at most 1000 values in al')
  assert.equal(refused(ids(10_000)), 'expected at most 4096 bytes at character 4097, received 20009')
  const terms = (count: number) => Array.from({ length: count }, () => 'leaf=1').join(' or ')
  read(terms(64))
  assert.match(refused(terms(65)), /^expected at most 64 comparisons/)
  const deep = (depth: number) => `${'('.repeat(depth)}leaf=1${')'.repeat(depth)}`
  read(deep(16))
  assert.match(refused(deep(17)), /^expected at most 16 nots and brackets within each other at character 17/)
  assert.match(refused(`${'not '.repeat(17)}leaf=1`), /^expected at most 16 nots/)
  read(`text~"${'ü'.repeat(2_044)}"`)
  assert.match(refused(`text~"${'ü'.repeat(2_045)}"`), /^expected at most 4096 bytes/)
})

test('whatever is given is taken or refused, and never anything else happens', () => {
  const near = fc.array(
    fc.constantFrom(
      ...'class severity >= = in ( ) , and or not high 2026-01-01T00:00:00Z " \\ ~ text é \0 7'.split(' '),
    ),
  )
  const anything = fc.oneof(
    fc.string(),
    near.map((words) => words.join(' ')),
    near.map((words) => words.join('')),
  )
  fc.assert(
    fc.property(anything, (text) => {
      const parsed = parseFilter(text)
      if ('problem' in parsed) {
        const { at, expected } = parsed.problem
        assert.ok(at >= 0 && at <= text.length && expected !== '')
      } else assert.deepEqual(read(printFilter(parsed.filter)), parsed.filter)
    }),
    { numRuns: 5_000 },
  )
})

const anEntry = { leaf: 7, timeMs: 1_000, kind: 'event', classUid: 1007, activityId: 1, severityId: 4, own: false }
const hosted = { hosts: () => ['h1', 'Web-1'], text: () => '{"a":"say \\"hi\\""}' }

test('filter.md 1: what each comparison means', () => {
  const matches = (text: string, more: Partial<typeof anEntry> | { severityId: null } = {}) =>
    filterMatch(read(text))({ ...anEntry, ...hosted, ...more } as never)
  for (const text of [
    'class=process and activity=launch and activity=1 and severity>medium and severity<=high',
    'source=host and kind=event and leaf in (6, 7) and leaf<8 and not leaf>7',
    'time>=1970-01-01T00:00:01Z and time<1970-01-01T00:00:01.001Z',
    'host=H1 and host=web-1 and host~EB and host in (x, h1)',
    'text~"Say \\"HI"',
    'activity in (open, launch) and activity!=terminate',
  ])
    assert.ok(matches(text), text)
  assert.ok(!matches('activity=launch', { classUid: 1001 }), 'a name is of a class')
  assert.ok(matches('activity=open', { classUid: 1001, activityId: 14 }) && matches('activity=open', { activityId: 3 }))
  // What an entry has not is not more, not less, and not the same.
  for (const operator of ['=', '<', '<=', '>', '>='])
    assert.ok(!matches(`severity${operator}high`, { severityId: null }))
  assert.ok(matches('severity!=high', { severityId: null }) && matches('not severity<high', { severityId: null }))
})

test('a match never lies outside of the bounds, and a not may stand at its comparison', () => {
  fc.assert(
    fc.property(filters, fc.array(entries, { minLength: 1, maxLength: 20 }), (filter, rows) => {
      const match = filterMatch(filter)
      const pushed = filterMatch(pushNotDown(filter))
      const { fromMs, toMs, fromLeaf, toLeaf, classUids, kinds, own } = filterBounds(filter)
      for (const row of rows) {
        const entry = entryOf(row)
        const isMatch = match(entry)
        assert.equal(pushed(entry), isMatch)
        const isWithin =
          entry.timeMs >= fromMs &&
          entry.timeMs < toMs &&
          entry.leaf >= fromLeaf &&
          entry.leaf < toLeaf &&
          (classUids === undefined || (entry.classUid !== null && classUids.has(entry.classUid))) &&
          (kinds === undefined || kinds.has(entry.kind)) &&
          (!own || entry.own)
        assert.ok(isWithin || !isMatch, printFilter(filter))
      }
    }),
    { numRuns: 2_000 },
  )
})

test('bounds are as narrow as a filter says', () => {
  const bounds = (text: string) => filterBounds(read(text))
  assert.deepEqual([...(bounds('activity=launch and severity>low').classUids ?? [])], [1007])
  assert.equal(bounds('class=file or severity>low').classUids, undefined)
  assert.deepEqual([...(bounds('class in (file, process) and not class=file').classUids ?? [])], [1001, 1007])
  assert.deepEqual([...(bounds('kind in (key, head) and (kind=head or kind=event)').kinds ?? [])], ['head'])
  const { fromMs, toMs } = bounds('time>=1970-01-01T00:00:01Z and not time>1970-01-01T00:00:02Z')
  assert.deepEqual([fromMs, toMs], [1_000, 2_001])
  const { fromLeaf, toLeaf, own } = bounds('leaf in (3, 9) and not source=host')
  assert.deepEqual([fromLeaf, toLeaf, own], [3, 10, true])
  assert.deepEqual([needsLine(read('class=file')), needsLine(read('class=file and severity>low'))], [false, true])
})
