// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { BlockList, isIP } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import { addressKey, parsePrefix } from './address.ts'
import { mergeRanges, portKey, portRange, rangesCover, rangeWith } from './ranges.ts'

const four = fc.array(fc.nat(255), { minLength: 4, maxLength: 4 }).map((octets) => octets.join('.'))
const six = fc.oneof(
  fc.ipV6(),
  fc.constantFrom(
    '::',
    '::1',
    'fe80::',
    '2001:db8::1',
    '::ffff:10.1.2.3',
    '64:ff9b::192.0.2.33',
    '1:2:3:4:5:6:7:8',
    '1::8',
  ),
)

test('an address is one where node says so', () => {
  const spoilt = fc
    .tuple(fc.oneof(four, six), fc.nat(20), fc.constantFrom('', ':', '.', '0', 'g', '::', ' ', '1'))
    .map(([text, at, put]) => text.slice(0, at) + put + text.slice(at))
  fc.assert(
    fc.property(fc.oneof(four, six, spoilt), (text) => {
      assert.equal(addressKey(text) !== undefined, isIP(text) !== 0, text)
    }),
    { seed: 1, numRuns: 5_000 },
  )
  for (const text of [
    '',
    '1.2.3',
    '01.2.3.4',
    '1.2.3.4.5',
    '1.2.3.256',
    ':::',
    '1:2',
    '::1::',
    'fe80::1%eth0',
    '::1.2.3',
    '[::1]',
  ])
    assert.equal(addressKey(text), undefined, text)
})

test('a prefix holds the addresses that node says it holds', () => {
  const prefix = fc.oneof(
    fc.tuple(four, fc.nat(32)).map(([address, bits]) => [address, bits, 'ipv4'] as const),
    fc
      .tuple(
        six.filter((text) => !text.startsWith('::ffff:')),
        fc.nat(128),
      )
      .map(([address, bits]) => [address, bits, 'ipv6'] as const),
  )
  fc.assert(
    fc.property(prefix, fc.oneof(four, six), fc.boolean(), ([address, bits, family], other, near) => {
      const parsed = parsePrefix(`${address}/${bits}`)
      assert.ok(parsed)
      const list = new BlockList()
      list.addSubnet(address, bits, family)
      const asked = near ? address : other
      const key = addressKey(asked) as string
      // Of node ::/0 holds every IPv4 address, too; here a prefix holds addresses of its family.
      if (key.startsWith(family === 'ipv4' ? '6' : '4')) return
      const due = list.check(asked, asked.includes(':') ? 'ipv6' : 'ipv4')
      assert.equal(parsed.range[0] <= key && key <= parsed.range[1], due, `${address}/${bits} ${asked}`)
    }),
    { seed: 1, numRuns: 3_000 },
  )
})

test('a mapped address is the IPv4 address it stands for', () => {
  assert.equal(addressKey('::ffff:10.1.2.3'), addressKey('10.1.2.3'))
  assert.equal(addressKey('::ffff:a01:203'), addressKey('10.1.2.3'))
  assert.deepEqual(parsePrefix('::ffff:10.0.0.0/104')?.range, parsePrefix('10.0.0.0/8')?.range)
  assert.equal(parsePrefix('::ffff:10.0.0.0/64'), undefined)
})

test('bits beyond a prefix are told with what is meant', () => {
  assert.deepEqual(parsePrefix('10.1.2.3/8'), {
    range: parsePrefix('10.0.0.0/8')?.range,
    exact: false,
    first: '10.0.0.0/8',
  })
  assert.equal(parsePrefix('2001:db8::1/32')?.first, '2001:db8::/32')
  assert.equal(parsePrefix('10.0.0.0/8')?.exact, true)
  for (const text of ['10.0.0.0/33', '::/129', '10.0.0.0/', '10.0.0.0/08', '10.0.0.0/8/8', '/8'])
    assert.equal(parsePrefix(text), undefined, text)
})

test('merged ranges hold what their parts held', () => {
  const range = fc
    .tuple(fc.nat(60), fc.nat(8))
    .map(([from, more]) => [portKey(from + 1), portKey(from + 1 + more)] as [string, string])
  fc.assert(
    fc.property(
      fc.array(range, { maxLength: 12 }),
      fc.array(range, { maxLength: 4 }),
      fc.nat(80),
      (parts, inner, n) => {
        const key = portKey(n + 1) as string
        const merged = mergeRanges(parts)
        const holds = (ranges: readonly (readonly [string, string])[]) =>
          ranges.some(([from, to]) => from <= key && key <= to)
        assert.equal(rangeWith(merged, key) !== undefined, holds(parts))
        if (rangesCover(merged, mergeRanges(inner)) && holds(inner)) assert.ok(holds(parts))
      },
    ),
    { seed: 1, numRuns: 3_000 },
  )
})

test('ports are what a person writes for them', () => {
  assert.deepEqual(portRange(443), ['00443', '00443'])
  assert.deepEqual(portRange('8000-8100'), ['08000', '08100'])
  for (const port of [0, 65_536, -1, 1.5, '80-', '-80', '9000-80', '1-70000', '1-2-3', '', 'http', '080'])
    assert.equal(portRange(port), undefined, String(port))
})
