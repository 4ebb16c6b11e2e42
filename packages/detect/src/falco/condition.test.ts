// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ConditionError } from '../sigma/condition.ts'
import { type OperatorName, operators } from './comparison.ts'
import { type Condition, type Field, type Literal, literalOf, parseCondition } from './condition.ts'

const quoted = (text: string) =>
  `"${text.replace(/[\\"\b\f\n\r\t]/g, (letter) => `\\${{ '\b': 'b', '\f': 'f', '\n': 'n', '\r': 'r', '\t': 't' }[letter] ?? letter}`)}"`
const showValue = ({ text, isQuoted }: Literal) => (isQuoted ? quoted(text) : text)
const showField = ({ name, argument, transformers }: Field) =>
  transformers.reduce((inner, by) => `${by}(${inner})`, argument === undefined ? name : `${name}[${argument}]`)

/** The condition with all its parentheses, as Falco would read it. */
function show(condition: Condition): string {
  if (condition.kind === 'macro') return condition.name
  if (condition.kind === 'not') return `not (${show(condition.of)})`
  if (condition.kind !== 'check') return `(${condition.of.map(show).join(` ${condition.kind} `)})`
  const { field, operator, values } = condition
  const { takes } = operators[operator]
  const list = values.map(showValue).join(', ')
  return [showField(field), operator, takes === 'nothing' ? '' : takes === 'many' ? `(${list})` : list].join(' ').trim()
}
const shown = (text: string) => show(parseCondition(text))

// Golden: the examples of falco.org/docs/concepts/rules/conditions, /basic-elements and /special-characters, and of the
// grammar in falcosecurity/libs, userspace/libsinsp/filter/parser.h.
test('DET-2 a Falco condition is read as its documentation says', () => {
  const rows = [
    ['evt.type = execve and (proc.name = cat or proc.name = grep)'],
    [
      'evt.type = open and proc.name="(systemd)" or proc.name=systemd',
      '((evt.type = open and proc.name = "(systemd)") or proc.name = systemd)',
    ],
    ['evt.dir = < and evt.rawres >= 0', '(evt.dir = < and evt.rawres >= 0)'],
    ['evt.type=open', 'evt.type = open'],
    ["fd.typechar='f' and fd.num>=0", '(fd.typechar = "f" and fd.num >= 0)'],
    ['fd.name pmatch (/var/run, /var/spool, /etc, /boot)', 'fd.name pmatch (/var/run, /var/spool, /etc, /boot)'],
    ['fd.name glob "/home/*/.ssh/*"', 'fd.name glob "/home/*/.ssh/*"'],
    ["fd.name regex '[a-z]*/proc/[0-9]+/cmdline'", 'fd.name regex "[a-z]*/proc/[0-9]+/cmdline"'],
    ['evt.buffer bcontains CAFEBABE', 'evt.buffer bcontains CAFEBABE'],
    ['k8s.pod.name exists', 'k8s.pod.name exists'],
    ['tolower(proc.name) = bash', 'tolower(proc.name) = bash'],
    ['basename( toupper( proc.aname[2] ) ) == SH', 'basename(toupper(proc.aname[2])) == SH'],
    ['proc.env["PATH"] contains x', 'proc.env[PATH] contains x'],
    ['evt.arg.flags contains O_TRUNC', 'evt.arg.flags contains O_TRUNC'],
    ['proc.name in (a,b , "c d")', 'proc.name in (a, b, "c d")'],
    ['proc.name in ()', 'proc.name in ()'],
    ['proc.name in shell_binaries', 'proc.name in (shell_binaries)'],
    ['proc.name intersects (runc:[0:PARENT])', 'proc.name intersects (runc:[0:PARENT])'],
    ['a or b and not c', '(a or (b and not (c)))'],
    ['not not a', 'a'],
    ['not(a)and(b)or(c)', '((not (a) and b) or c)'],
    ['android and orchid', '(android and orchid)'],
    ['\n a\tand\r\n b \b', '(a and b)'],
    ['proc.cmdline= "sh -s \\"unix\\":cmd"', 'proc.cmdline = "sh -s \\"unix\\":cmd"'],
    ['proc.name = "\\x41\\t\\/"', 'proc.name = "A\\t/"'],
  ] as const
  for (const [text, expected = `(${text})`] of rows) assert.equal(shown(text), expected, text)
})

test('DET-2 a mistake in a Falco condition is named, with what to write instead', () => {
  const rows = [
    ['', /ends too early/, /field, a macro/],
    ['a and', /ends too early/, /after "a and"/],
    ['a b', /b in the wrong place/, /Join by "and" or "or" after "a"/],
    ['(a', /ends too early/, /Close the parenthesis/],
    ['a)', /\) in the wrong place/, /Join/],
    ['and', /ends too early/, /field/],
    ['proc.name is x', /is in the wrong place/, /one of =/],
    ['proc.name =', /ends too early/, /Write a value/],
    ['proc.name = (a)', /\(a\) in the wrong place/, /in quotes/],
    ['proc.name in (a b)', /b\) in the wrong place/, /Write a ,/],
    ['proc.name in (a,)', /\) in the wrong place/, /Write a value/],
    ['proc.name contains "x', /"x in the wrong place/, /in quotes/],
    ['proc.name = "\\q"', /escape \\q/, /backslash/],
    ['proc.aname[ = x', /= in the wrong place/, /which one/],
    ['b64(proc.name) = x', /b64\( is not supported/, /tolower/],
    ['proc.name = val(proc.pname)', /val\( as a value/, /written out/],
    [`${'('.repeat(10_000)}a`, /nested deeper than 64/, /macros/],
    ['x'.repeat(33_000), /longer than/, /macros/],
  ] as const
  for (const [text, message, advice] of rows)
    assert.throws(
      () => parseCondition(text),
      (error) => error instanceof ConditionError && message.test(error.message) && advice.test(error.advice),
      text.slice(0, 60),
    )
})

test('DET-2 an item of a list is what it is in quotes of its own, or as a whole', () => {
  assert.deepEqual(literalOf('"(systemd)"'), { text: '(systemd)', isQuoted: true })
  assert.deepEqual(literalOf('runc:[1:CHILD]'), { text: 'runc:[1:CHILD]', isQuoted: false })
  assert.deepEqual(literalOf('puma reactor'), { text: 'puma reactor', isQuoted: true })
})

const bare = fc.stringMatching(/^[a-z][a-z0-9_/*.:-]{0,8}$/).map((text) => ({ text, isQuoted: false }))
const inQuotes = fc.string({ unit: 'binary', maxLength: 12 }).map((text) => ({ text, isQuoted: true }))
const literal = fc.oneof(bare, inQuotes)
const field = fc.record(
  {
    name: fc.constantFrom('proc.name', 'fd.name', 'evt.arg.flags', 'proc.aname'),
    argument: fc.option(fc.constantFrom('1', '2', 'x'), { nil: undefined }),
    transformers: fc.array(fc.constantFrom('tolower' as const, 'toupper' as const, 'basename' as const), {
      maxLength: 2,
    }),
  },
  { noNullPrototype: true },
)
const check = fc
  .tuple(
    field,
    fc.constantFrom(...(Object.keys(operators) as OperatorName[])),
    fc.array(literal, { maxLength: 4 }),
    literal,
  )
  .map(([field, operator, many, one]): Condition => {
    const { takes } = operators[operator]
    return { kind: 'check', field, operator, values: takes === 'nothing' ? [] : takes === 'one' ? [one] : many }
  })
const { condition } = fc.letrec<{ condition: Condition }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 4, depthIdentifier: 'falco' },
    check,
    fc.constantFrom('a', 'notable', 'order').map((name) => ({ kind: 'macro', name }) as const),
    fc
      .tuple(fc.constantFrom('and' as const, 'or' as const), fc.array(tie('condition'), { minLength: 2, maxLength: 3 }))
      .map(([kind, of]) => ({ kind, of })),
    tie('condition').map((of) => ({ kind: 'not', of }) as const),
  ),
}))

test('DET-2 a condition that is written down is read as it was', () => {
  fc.assert(
    fc.property(condition, (condition) => {
      assert.deepEqual(parseCondition(show(condition)), condition)
    }),
    { numRuns: 1_000 },
  )
})

test('DET-2 any text is a condition or a ConditionError', () => {
  const word = fc.constantFrom(
    'a',
    '(',
    ')',
    'and',
    'or',
    'not',
    'proc.name',
    '=',
    '!=',
    'in',
    '"x"',
    ',',
    '[',
    ']',
    'exists',
    'tolower(',
    '\\',
  )
  const text = fc.oneof(
    fc.array(word, { maxLength: 100 }).map((words) => words.join(' ')),
    fc.string({ maxLength: 200 }),
  )
  fc.assert(
    fc.property(text, (text) => {
      try {
        parseCondition(text)
      } catch (error) {
        assert(error instanceof ConditionError, String(error))
      }
    }),
    { numRuns: 2_000 },
  )
})
