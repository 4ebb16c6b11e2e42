// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { canonicalize, isSealwatchError } from '@sealwatch/base'
import { sampleKeyTheft, sampleReport } from '../../test/drill-report.ts'
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
  for (const sample of [sampleReport, sampleKeyTheft]) {
    assert.deepEqual(readDrillReport(canonicalize(sample), 'reading it'), sample)
    const all = [...spoiled(sample)]
    assert.ok(all.length > 150)
    for (const bad of all) {
      const text = canonicalize(Object(bad))
      assert.throws(() => readDrillReport(text, 'reading it'), isMalformed, text)
    }
  }
})

test('OPS-2 a drill has passed where nothing failed, and only there', () => {
  const { steps, failure } = sampleReport
  const passed = { ...sampleReport, outcome: 'passed', failure: null, steps: steps.slice(0, -1) }
  readDrillReport(canonicalize(passed), 'reading it')
  for (const bad of [{ outcome: 'failed' }, { failure }, { steps }])
    assert.throws(() => readDrillReport(canonicalize({ ...passed, ...bad }), 'reading it'), isMalformed)
})

test('OPS-2 a drill in which an attack was missed has not passed', () => {
  const { failure: _, steps, attacks, ...rest } = sampleKeyTheft
  const passed = {
    ...rest,
    outcome: 'passed',
    failure: null,
    steps: steps.map((one) => ({ ...one, outcome: 'passed' })),
  }
  readDrillReport(canonicalize({ ...passed, attacks: attacks.slice(0, 1) }), 'reading it')
  assert.throws(() => readDrillReport(canonicalize({ ...passed, attacks }), 'reading it'), isMalformed)
})
