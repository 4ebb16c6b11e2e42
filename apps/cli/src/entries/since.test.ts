// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { instant } from './since.ts'

const nowMs = Date.UTC(2026, 0, 1, 12)
const { read } = instant('')
const at = (text: string) => {
  const result = read(text)
  return 'value' in result ? result.value?.(nowMs) : undefined
}

test('ages and times', () => {
  assert.equal(at('30s'), '2026-01-01T11:59:30.000Z')
  assert.equal(at('10m'), '2026-01-01T11:50:00.000Z')
  assert.equal(at('2h'), '2026-01-01T10:00:00.000Z')
  assert.equal(at('7d'), '2025-12-25T12:00:00.000Z')
  assert.equal(at('2026-01-01T08:00:00+02:00'), '2026-01-01T06:00:00.000Z')
  assert.equal(at('2026-01-31'), '2026-01-31T00:00:00.000Z')
  assert.equal(at('2026-01-31 08:00:00 UTC'), '2026-01-31T08:00:00.000Z')
  assert.equal(at('2026-01-31 08:00:00'), '2026-01-31T08:00:00.000Z')
  for (const wrong of ['', 'now', '10', '10x', '-1h', '2026-13-01', '01.02.2026'])
    assert.equal(at(wrong), undefined, wrong)
})
