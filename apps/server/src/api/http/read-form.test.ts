// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readForm } from './read-form.ts'

const codeOf = (text: string, fieldsMax = 4) => {
  try {
    readForm(text, fieldsMax)
    return undefined
  } catch (error) {
    return (error as { code: string }).code
  }
}

test('a form is read as browsers write it', () => {
  const given = { code: 'a-b_c', 'with space': 'ö & = + %', empty: '', ['__proto__']: 'a name as any other' }
  assert.deepEqual(readForm(new URLSearchParams(given).toString(), 4), given)
  assert.deepEqual(readForm('', 4), {})
})

test('what two readers may read as two is no form: a name twice, unescaped bytes, half an escape, no UTF-8', () => {
  const wrong = [
    'a=1&a=2',
    'a=1&%61=2',
    'a=1;b=2',
    'a',
    '=',
    '=1',
    'a=%',
    'a=%f',
    'a=%FF',
    'a=%c3%b6',
    'a=ö',
    'a==',
    'a=1&',
    '&',
  ]
  for (const text of wrong) assert.equal(codeOf(text), 'REQUEST_INVALID', text)
  assert.equal(codeOf('a=1&b=2', 1), 'REQUEST_TOO_LARGE')
  assert.equal(codeOf('a=1&b=2', 2), undefined)
})
