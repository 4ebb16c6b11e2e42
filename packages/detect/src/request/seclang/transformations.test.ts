// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { groupOf } from './groups.ts'
import { transformationNamed } from './transformations.ts'

const rows: readonly (readonly [name: string, text: string, result: string])[] = [
  ['lowercase', 'AbC\xc9', 'abc\xc9'],
  ['urlDecode', 'a+b%41%4', 'a bA%4'],
  ['urlDecodeUni', '%u0041%uff1c%3c%zz+', 'A<<%zz '],
  ['htmlEntityDecode', '&lt;&#x3C;&#60;&#60&quot;&amp;lt;&nope;', '<<<<"&lt;&nope;'],
  ['jsDecode', '\\x3c\\u003c\\74\\n\\q\\uff1c', '<<<\nq<'],
  ['cssDecode', '\\3c \\00003cx\\\nj\\avascript\\', '<<xj\xAAvascript'.replace('\xAA', '\x0a')],
  ['escapeSeqDecode', '\\x3c\\74\\n\\q', '<<\n\\q'],
  ['base64Decode', 'PHNjcmlwdD4=', '<script>'],
  ['base64Decode', 'PHNj!cmlwdD4=', '<sc'],
  ['base64DecodeExt', 'PHNj!cmlwdD4=', '<script>'],
  ['hexDecode', '3c73', '<s'],
  ['hexEncode', '<s', '3c73'],
  ['sqlHexDecode', "x=0x3c73'", "x=<s'"],
  ['cmdLine', 'C^A"T\\ ,;/etc/pass\'wd ( x', 'cat/etc/passwd( x'],
  ['compressWhitespace', 'a \t\n b\xa0c', 'a b c'],
  ['removeWhitespace', 'a \t\n b\xa0c', 'abc'],
  ['removeNulls', 'a\0b', 'ab'],
  ['replaceNulls', 'a\0b', 'a b'],
  ['replaceComments', 'a/*x*/b/**/c/*d', 'a b c '],
  ['removeComments', 'a/*x*/b<!--y-->c--d', 'abc '],
  ['removeCommentsChar', 'a/*x*/b--c#d', 'axbcd'],
  ['normalizePath', '/a/./b//c/../d/..', '/a/b/'],
  ['normalizePath', '../../etc/passwd', '../../etc/passwd'],
  ['normalisePathWin', '\\a\\..\\b', '/b'],
  ['utf8toUnicode', 'a\xc3\xa9\xff\xf0\x9f\x98\x80', 'a%u00e9\xff%u1f600'],
  ['utf8toUnicode', '\xef\xbc\x9c\xf4\x8f\xbf\xbf\xc2', '%uff1c%u10ffff\xc2'],
  ['trim', ' a ', 'a'],
  ['length', 'abc', '3'],
]

test('DET-1 transformations change text as ModSecurity’s reference says', () => {
  for (const [name, text, result] of rows)
    assert.equal(transformationNamed(name)?.apply(text), result, `${name} ${text}`)
  assert.equal(
    Buffer.from(transformationNamed('sha1')?.apply('a') ?? '', 'latin1').toString('hex'),
    '86f7e437faa5a7fce15d1ddcb9eaeaea377667b8',
  )
})

test('DET-1 a text without the bytes that a transformation looks for stays as it is', () => {
  const text = fc.string({
    unit: fc.integer({ min: 0, max: 255 }).map((byte) => String.fromCharCode(byte)),
    minLength: 1,
    maxLength: 60,
  })
  const names = [...new Set(rows.map(([name]) => name)), 'removeComments', 'trimLeft', 'trimRight', 'uppercase']
  fc.assert(
    fc.property(fc.constantFrom(...names), text, (name, input) => {
      const known = transformationNamed(name)
      assert(known !== undefined)
      const groups = [...input].reduce((bits, char) => bits | (groupOf[char.charCodeAt(0)] as number), 0)
      const form = known.apply(input)
      assert((known.changes & groups) !== 0 || form === input, `${name} changed ${JSON.stringify(input)}`)
      assert(/^[\0-\xff]*$/.test(form))
      if (known.isCase) assert.equal(form.toLowerCase(), input.toLowerCase())
    }),
    { numRuns: 4_000 },
  )
})
