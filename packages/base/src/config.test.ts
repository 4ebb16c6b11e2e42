// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { integer, optional, readConfig, text } from './config.ts'
import { isSealwatchError } from './errors.ts'

const table = {
  port: integer({ env: 'DOOR_PORT', default: 7443, min: 1, max: 65_535, help: 'Where to listen' }),
  name: text({ env: 'DOOR_NAME', form: /^[a-z]+$/, mustBe: 'lower-case letters', help: 'What it is called' }),
}

const read = (env: Record<string, string | undefined>) => readConfig(table, env, 'DOOR_')

function faultsOf(env: Record<string, string>): string {
  try {
    read(env)
  } catch (error) {
    if (isSealwatchError(error, 'CONFIG_INVALID')) return error.message
    throw error
  }
  throw new assert.AssertionError({ message: 'the settings were taken' })
}

test('settings come from the environment, else from their defaults, and are frozen', () => {
  const config = read({ DOOR_NAME: 'oak', HOME: '/root' })
  assert.deepEqual(config, { port: 7443, name: 'oak' })
  assert.ok(Object.isFrozen(config))
  assert.equal(read({ DOOR_NAME: 'oak', DOOR_PORT: '80' }).port, 80)
})

test('all faults are told at once, with the rule and the value', () => {
  const message = faultsOf({ DOOR_PORT: '70000', DOOR_NAME: 'Oak', DOOR_COLOUR: 'red' })
  assert.match(message, /DOOR_PORT must be an integer from 1 to 65535, not "70000"/)
  assert.match(message, /DOOR_NAME must be lower-case letters, not "Oak"/)
  assert.match(message, /DOOR_COLOUR is not a setting/)
})

test('many faults do not hide the last of them', () => {
  const many = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`DOOR_EXTRA_${i}`, 'x']))
  assert.match(faultsOf({ DOOR_NAME: 'oak', ...many }), /DOOR_EXTRA_49 is not a setting/)
})

test('a missing setting without a default says what it is for', () => {
  assert.match(faultsOf({}), /DOOR_NAME must be set: What it is called/)
})

test('an integer is digits alone', () => {
  for (const value of ['', ' 80', '80 ', '0x50', '8e1', '-1', '80.0', '+80', '９'])
    assert.match(
      faultsOf({ DOOR_NAME: 'oak', DOOR_PORT: value }),
      /DOOR_PORT must be an integer/,
      JSON.stringify(value),
    )
})

test('what is optional may be empty or absent, and a secret is never shown', () => {
  const key = optional({ env: 'DOOR_KEY', form: /^[a-f]+$/, mustBe: 'letters', secret: true, help: 'What opens it' })
  assert.equal(readConfig({ key }, {}).key, '')
  assert.equal(readConfig({ key }, { DOOR_KEY: '' }).key, '')
  assert.equal(readConfig({ key }, { DOOR_KEY: 'abc' }).key, 'abc')
  assert.throws(
    () => readConfig({ key }, { DOOR_KEY: 'hunter2' }),
    (error: Error) => {
      assert.match(error.message, /DOOR_KEY must be letters/)
      assert.doesNotMatch(error.message, /hunter2/)
      return true
    },
  )
})

test('more than one prefix can be ours', () => {
  assert.throws(() => readConfig({}, { A_X: '1', B_Y: '1', C_Z: '1' }, 'A_', 'B_'), /A_X is not a setting; B_Y is not/)
  assert.deepEqual(readConfig({}, { C_Z: '1' }, 'A_', 'B_'), {})
})
