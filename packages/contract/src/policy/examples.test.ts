// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { policyTypes } from './document.ts'
import { policyExamples } from './examples.ts'
import { validatePolicy } from './validate.ts'

test('of each type there is a whole policy to start from: nothing is wrong with it, and it changes nothing as it is', () => {
  assert.deepEqual(Object.keys(policyExamples).sort(), [...policyTypes].sort())
  for (const [type, example] of Object.entries(policyExamples)) {
    const { policy, validation } = validatePolicy(JSON.stringify(example), { nowMs: Date.UTC(2026, 0, 1) })
    assert.deepEqual([type, validation.problems], [type, []])
    assert.deepEqual([policy?.type, policy?.enabled], [type, false])
  }
})
