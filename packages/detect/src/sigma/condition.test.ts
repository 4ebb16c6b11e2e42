// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Condition, ConditionError, parseCondition, selectionsIn } from './condition.ts'

const names = ['a', 'b', 'c', 'sel_x', 'sel_y', 'filter_main_x', '_hidden']

/** The condition with all its parentheses. */
function show(condition: Condition): string {
  if (condition.kind === 'selection') return condition.name
  if (condition.kind === 'not') return `!${show(condition.of)}`
  return `(${condition.of.map(show).join(condition.kind === 'and' ? ' & ' : ' | ')})`
}

test('not binds tighter than and, and than or', () => {
  const rows = [
    ['a', 'a'],
    ['a or b and not c', '(a | (b & !c))'],
    ['(a or b) and c', '((a | b) & c)'],
    ['not a and not (b or c)', '(!a & !(b | c))'],
    ['not not a', '!!a'],
    ['a AND NOT b', '(a & !b)'],
    ['1 of sel_*', '(sel_x | sel_y)'],
    ['all of sel_*', '(sel_x & sel_y)'],
    ['a and not 1 of filter_main_*', '(a & !filter_main_x)'],
    ['any of *_x', '(sel_x | filter_main_x)'],
    ['1 of s*l*y', 'sel_y'],
    ['1 of a', 'a'],
    ['1 of them', '(a | b | c | sel_x | sel_y | filter_main_x)'],
  ] as const
  for (const [text, expected] of rows) assert.equal(show(parseCondition(text, names)), expected, text)
})

test('a mistake is named, with what to write instead', () => {
  const rows = [
    ['selection', /no selection selection/, /There is a, b/],
    ['a and', /ends too early/, /name of a selection after "a and"/],
    ['', /ends too early/, /name of a selection/],
    ['(a or b', /\( without its \)/, /Close the parenthesis/],
    ['a b', /b in the wrong place/, /Join by "and" or "or" after "a"/],
    ['a)', /\) in the wrong place/, /Join/],
    ['2 of sel_*', /2 of/, /1 of/],
    ['1 of nothing_*', /no selection is named nothing_\*/, /There is/],
    ['a | count() > 5', /aggregation/, /correlation/],
    ['a && b', /character &/, /and, or, not/],
    ['or', /or in the wrong place/, /name of a selection/],
    [`${'('.repeat(100)}a`, /nested deeper/, /Split/],
    ['not '.repeat(100), /nested deeper/, /Split/],
  ] as const
  for (const [text, message, advice] of rows)
    assert.throws(
      () => parseCondition(text, names),
      (error) => error instanceof ConditionError && message.test(error.message) && advice.test(error.advice),
      text,
    )
})

test('any text comes back: as a condition over known selections, or as a ConditionError', () => {
  const word = fc.constantFrom(
    'a',
    'b',
    'sel_x',
    '(',
    ')',
    'and',
    'or',
    'not',
    '1',
    'all',
    'of',
    'them',
    'sel_*',
    '*',
    '|',
  )
  const text = fc.oneof(
    fc.array(word, { maxLength: 200 }).map((words) => words.join(' ')),
    fc.string({ maxLength: 200 }),
  )
  fc.assert(
    fc.property(text, (condition) => {
      try {
        for (const name of selectionsIn(parseCondition(condition, names))) assert(names.includes(name))
      } catch (error) {
        assert(error instanceof ConditionError, String(error))
      }
    }),
    { numRuns: 1_000 },
  )
})

test('a condition means what the same expression means in JavaScript', () => {
  const { condition } = fc.letrec<{ condition: string }>((tie) => ({
    condition: fc.oneof(
      { maxDepth: 5, depthIdentifier: 'condition' },
      fc.constantFrom('a', 'b', 'c'),
      fc.tuple(tie('condition'), fc.constantFrom('and', 'or'), tie('condition')).map((parts) => parts.join(' ')),
      tie('condition').map((inner) => `not ${inner}`),
      tie('condition').map((inner) => `(${inner})`),
    ),
  }))
  const decide = (node: Condition, truth: Record<string, boolean>): boolean =>
    node.kind === 'selection'
      ? (truth[node.name] ?? false)
      : node.kind === 'not'
        ? !decide(node.of, truth)
        : node.of[node.kind === 'and' ? 'every' : 'some']((inner) => decide(inner, truth))
  fc.assert(
    fc.property(condition, fc.boolean(), fc.boolean(), fc.boolean(), (text, a, b, c) => {
      const script = text.replaceAll('and', '&&').replaceAll('or', '||').replaceAll('not', '!')
      const expected = new Function('a', 'b', 'c', `return ${script}`)(a, b, c) as boolean
      assert.equal(decide(parseCondition(text, ['a', 'b', 'c']), { a, b, c }), expected, text)
    }),
  )
})
