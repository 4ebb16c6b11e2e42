// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ErrorTable, errorsOf, isSealwatchError, messageOf } from './errors.ts'

const table = {
  DOOR_LOCKED: { kind: 'denied', rule: 'the door opens with its key', advice: 'Bring the key' },
} as const satisfies ErrorTable
const doorError = errorsOf(table)

test('an error says what was attempted, which rule, what came instead, and what to do', () => {
  const cause = new Error('rust')
  const error = doorError('DOOR_LOCKED', { attempted: 'opening the door', received: 'a "hairpin"', cause })
  assert.equal(
    error.message,
    'DOOR_LOCKED while opening the door: the door opens with its key; received "a \\"hairpin\\"". Bring the key',
  )
  assert.equal(error.cause, cause)
  assert.deepEqual(error.toJSON(), {
    code: 'DOOR_LOCKED',
    kind: 'denied',
    attempted: 'opening the door',
    rule: 'the door opens with its key',
    received: '"a \\"hairpin\\""',
    advice: 'Bring the key',
  })
})

test('a place that knows better gives its own advice, and nothing received is not mentioned', () => {
  const error = doorError('DOOR_LOCKED', { attempted: 'opening the door', advice: 'Ring the bell' })
  assert.equal(error.message, 'DOOR_LOCKED while opening the door: the door opens with its key. Ring the bell')
  assert.equal(error.received, undefined)
})

test('what another error has shown is passed on as it is, without secrets and never at length', () => {
  const passed = (shown: string | undefined) => doorError('DOOR_LOCKED', { attempted: 'telling', shown }).received
  const first = doorError('DOOR_LOCKED', { attempted: 'opening', received: 'a "hairpin"' })
  assert.equal(passed(first.received), '"a \\"hairpin\\""')
  assert.equal(passed(undefined), undefined)
  assert.ok(!passed('password=hunter2-hunter2')?.includes('hunter2'))
  assert.match(passed('x'.repeat(1000)) ?? '', /^x{300}… \(1000 characters\)$/)
})

test('what was received is shown whatever it is, and never at length', () => {
  const circular: Record<string, unknown> = {}
  circular.self = circular
  const shown = (received: unknown) => doorError('DOOR_LOCKED', { attempted: 'looking', received }).received
  assert.equal(shown({ size: 2n }), '{"size":"2"}')
  assert.equal(shown(null), 'null')
  assert.equal(shown(7n), '7')
  assert.equal(shown(circular), '[object Object]')
  assert.equal(shown('x'.repeat(1000)), `"${'x'.repeat(299)}… (1002 characters)`)
  for (const text of ['😀'.repeat(400), `a${'😀'.repeat(400)}`, '\ud800'])
    assert.equal(shown(text)?.isWellFormed(), true, 'half a character stands in no ledger')
})

test('what a cause has received is shown once, and a failure says why', () => {
  const cause = doorError('DOOR_LOCKED', { attempted: 'a', received: 'a "key"' })
  const outer = doorError('DOOR_LOCKED', { attempted: 'b', received: cause.received, cause })
  assert.equal(outer.received, '"a \\"key\\""')
  const refused = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' })
  assert.equal(messageOf(new TypeError('fetch failed', { cause: refused })), 'fetch failed (ECONNREFUSED)')
  assert.equal(messageOf(cause), cause.message)
})

test('errors are told apart by their code', () => {
  const error: unknown = doorError('DOOR_LOCKED', { attempted: 'looking' })
  assert.ok(isSealwatchError(error))
  assert.ok(isSealwatchError(error, 'DOOR_LOCKED'))
  assert.ok(!isSealwatchError(error, 'DOOR_OPEN'))
  assert.ok(!isSealwatchError(new Error('DOOR_LOCKED')))
  assert.equal(messageOf(new Error('m')), 'm')
  assert.equal(messageOf('text'), 'text')
})
