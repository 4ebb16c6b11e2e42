// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { canonicalize, isSealwatchError } from '@sealwatch/base'
import { sampleReport } from '../../test/drill-report.ts'
import { readDrillReport } from './drill-report-form.ts'

/** The value as often as it has members, each time without another one, or with another kind of value in its place. */
function* spoiled(value: unknown): Generator<unknown> {
  if (Array.isArray(value))
    for (const [i, one] of value.entries()) for (const bad of spoiled(one)) yield value.with(i, bad)
  else if (typeof value === 'object' && value !== null)
    for (const [name, one] of Object.entries(value)) {
      yield { ...value, [`${name}s`]: one }
      yield Object.fromEntries(Object.entries(value).filter(([other]) => other !== name))
      for (const bad of spoiled(one)) yield { ...value, [name]: bad }
    }
  yield typeof value === 'string' ? 7 : typeof value === 'number' ? `${value}` : 7
}

const isMalformed = (error: unknown) => isSealwatchError(error, 'DRILL_MALFORMED') || assert.fail(String(error))

test('OPS-2 a report of a drill has exactly its members, each in its form (drill-report.md, 2)', () => {
  assert.deepEqual(readDrillReport(canonicalize(sampleReport), 'reading it'), sampleReport)
  const all = [...spoiled(sampleReport)]
  assert.ok(all.length > 200)
  for (const bad of all) {
    const text = canonicalize(Object(bad))
    assert.throws(() => readDrillReport(text, 'reading it'), isMalformed, text)
  }
})

test('OPS-2 a drill has passed where nothing failed, and only there', () => {
  const { steps, failure } = sampleReport
  const passed = { ...sampleReport, outcome: 'passed', failure: null, steps: steps.slice(0, -1) }
  readDrillReport(canonicalize(passed), 'reading it')
  for (const bad of [{ outcome: 'failed' }, { failure }, { steps }])
    assert.throws(() => readDrillReport(canonicalize({ ...passed, ...bad }), 'reading it'), isMalformed)
})
