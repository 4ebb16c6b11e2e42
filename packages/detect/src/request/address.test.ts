// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { isIP } from 'node:net'
import { test } from 'node:test'
import { addressKey } from '@sealwatch/contract/policy-values'
import fc from 'fast-check'
import ipaddr from 'ipaddr.js'
import { addressText, newAddressWords, readAddress } from './address.ts'

/** As policies have it: the family, and the number in hexadecimal. */
function keyOf(text: string): string | undefined {
  const words = newAddressWords()
  const family = readAddress(text, 0, text.length, words)
  if (family === 0) return undefined
  return (
    family + Array.from(words.subarray(0, family === 4 ? 1 : 4), (word) => word.toString(16).padStart(8, '0')).join('')
  )
}

const spoilt = fc
  .tuple(
    fc.oneof(
      fc.ipV4(),
      fc.ipV6(),
      fc.ipV4().map((four) => `::ffff:${four}`),
    ),
    fc.nat(45),
    fc.nat(2),
    fc.string({ maxLength: 2, unit: fc.constantFrom(...'0129afAFg:.%/ -') }),
  )
  .map(([text, at, cut, put]) => text.slice(0, at) + put + text.slice(at + cut))

test('DET-1 an address is read where node and the policies read one, and as the same number', () => {
  let addresses = 0
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), spoilt), (text) => {
      const found = keyOf(text)
      assert.equal(found, addressKey(text))
      assert.equal(found !== undefined, isIP(text) !== 0 && !text.includes('%'), text)
      addresses += found === undefined ? 0 : 1
    }),
    { seed: 8, numRuns: 10_000 },
  )
  assert(addresses > 2_500 && addresses < 9_500, `${addresses} addresses`)
})

test('DET-1 ipaddr.js reads the same number, IPv4 in the dress of IPv6 as IPv4', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.ipV4(),
        fc.ipV6(),
        fc.ipV4().map((four) => `::ffff:${four}`),
      ),
      (text) => {
        // It takes ::192.0.2.1 for IPv4, too, which RFC 4291, 2.5.5.1 has made an address of IPv6 that nobody uses.
        fc.pre(!/^(0*:)+(?!ffff:)[\d.]*\./.test(text))
        const due = ipaddr.process(text)
        const bytes = due.toByteArray().map((byte) => byte.toString(16).padStart(2, '0'))
        assert.equal(keyOf(text), (due.kind() === 'ipv4' ? '4' : '6') + bytes.join(''))
      },
    ),
    { seed: 8, numRuns: 5_000 },
  )
})

test('DET-1 what some would take for an address is none', () => {
  for (const text of [
    '',
    '010.0.0.1',
    '0x7f.0.0.1',
    '127.1',
    '2130706433',
    '1.2.3.4 ',
    '::1%lo',
    '[::1]',
    '１.2.3.4',
    '1:::2',
    ':1::',
    '::1:',
    '1.2.3.256',
  ])
    assert.equal(keyOf(text), undefined, text)
})

test('DET-1 a part of a text is read as the whole of another one', () => {
  const words = newAddressWords()
  assert.equal(readAddress('x=192.0.2.7;', 2, 11, words), 4)
  assert.equal(words[0], 0xc000_0207)
  assert.equal(readAddress('x=::1;', 2, 5, words), 6)
  assert.deepEqual([...words], [0, 0, 0, 1])
})

test('DET-1 an address is written as RFC 5952 says', () => {
  const texts = [
    '192.0.2.1',
    '255.255.255.255',
    '::',
    '::1',
    '1::',
    '2001:db8::1',
    '2001:db8:0:1:1:1:1:1',
    '2001:0:0:1::1',
    '1:2:3:4:5:6:7:8',
  ]
  for (const text of texts) {
    const words = newAddressWords()
    const family = readAddress(text, 0, text.length, words)
    assert(family !== 0)
    assert.equal(addressText(family, words), text)
  }
})
