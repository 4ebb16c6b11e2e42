// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nameFault, nameKey } from './look-alike.ts'

test('names in any one alphabet are as good as another', () => {
  for (const name of [
    'Payroll',
    'Zahlung für Löhne',
    'Зарплата',
    'Μισθός',
    '給与 (Tokyo 1)',
    'رواتب',
    'שכר',
    'a',
    'x-1_2.3/4',
  ])
    assert.equal(nameFault(name), undefined, name)
})

test('a letter of another alphabet is told by its number', () => {
  assert.match(nameFault('P\u0430yroll')?.received ?? '', /U\+0430, Cyrillic in a name that begins in Latin/)
  assert.match(nameFault('\u0430dmin')?.received ?? '', /Latin in a name that begins in Cyrillic/)
  assert.match(nameFault('paypa\u03b9')?.received ?? '', /U\+03B9, Greek/)
})

test('what cannot be seen, or looks wider than it is, is told', () => {
  for (const name of ['a\u200bb', 'a\u202eb', 'a\u00adb', 'a\u00a0b', 'a\tb', 'a\u2028b', ' a', 'a ', 'a  b', '\ud800'])
    assert.ok(nameFault(name), JSON.stringify(name))
  assert.match(nameFault('\uff30ayroll')?.suggestion ?? '', /"Payroll"/)
})

test('names that look alike have one key', () => {
  const key = nameKey('Payroll 10')
  for (const name of ['payroll 10', 'PAYROLL 1O', '\u0440\u0430\u0443r\u043ell lo', 'P\u00e1yroll 10', 'Payro11 10'])
    assert.equal(nameKey(name), key, name)
  assert.notEqual(nameKey('Payroll 20'), key)
  assert.equal(nameKey('\u0421\u0430\u0440\u0435'), nameKey('Cape'))
})
