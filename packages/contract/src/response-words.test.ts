// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { responseWords } from './response-words.ts'

test('each outcome of a response is told once, with how often it came', () => {
  const done = { step: 'kill', state: 'done' }
  assert.equal(responseWords([done, { step: 'rotate', state: 'dry_run' }, done, done]), 'kill done ×3, rotate dry run')
  assert.equal(responseWords([]), 'none')
})
