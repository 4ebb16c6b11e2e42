// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { filters } from '../../test/filters.ts'
import { completeFilter } from './complete.ts'
import { fieldNames } from './fields.ts'
import { parseFilter } from './parse.ts'
import { printFilter } from './print.ts'

/** `|` is the caret. */
function at(marked: string) {
  const caret = marked.indexOf('|')
  return completeFilter(marked.replace('|', ''), caret)
}
const dueAt = (marked: string) => at(marked)?.due

test('where a field, an operator, a value or a joiner is due, those are offered', () => {
  assert.deepEqual(at('|'), { from: 0, to: 0, due: 'field', choices: [...fieldNames, 'not'] })
  assert.deepEqual(at('sev|'), { from: 0, to: 3, due: 'field', choices: ['severity'] })
  assert.deepEqual(at('severity |')?.choices, ['=', '!=', '<', '<=', '>', '>=', 'in'])
  assert.deepEqual(at('severity>=h|'), { from: 10, to: 11, due: 'value', field: 'severity', choices: ['high'] })
  assert.deepEqual(at('class in (proc|ess, file)'), {
    from: 10,
    to: 17,
    due: 'value',
    field: 'class',
    choices: ['process'],
  })
  assert.deepEqual(at('class in (process, |')?.field, 'class')
  assert.deepEqual(at('severity>=high |')?.choices, ['and', 'or'])
  assert.deepEqual(
    [
      'not |',
      '(|',
      'class=file and |',
      'class=file and not (|',
      'host="and" or |',
      'host=class |',
      'class in (a) |',
    ].map(dueAt),
    ['field', 'field', 'field', 'field', 'field', 'joiner', 'joiner'],
  )
  assert.deepEqual(at('host=|'), { from: 5, to: 5, due: 'value', field: 'host', choices: [] })
  assert.equal(at('text~"etc|'), undefined)
})

test('whatever is offered, taken in its place, is what the grammar says can stand there', () => {
  fc.assert(
    fc.property(filters, fc.nat(), (filter, seed) => {
      const text = printFilter(filter)
      const caret = seed % (text.length + 1)
      const found = completeFilter(text, caret)
      if (found === undefined) return
      assert.ok(found.from <= caret && caret <= found.to)
      for (const choice of found.choices.slice(0, 3)) {
        const upTo: string = `${text.slice(0, found.from)}${choice} `
        const parsed = parseFilter(upTo)
        if ('problem' in parsed)
          assert.ok(parsed.problem.at >= upTo.trimEnd().length - choice.length, `${upTo}: ${parsed.problem.expected}`)
      }
    }),
    { numRuns: 500, seed: 4 },
  )
})
